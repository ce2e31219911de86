"""Writes a text in every character set that mail comes in, for the comparison in src/mime/cpython.test.ts.

One JSON object a line: the label as mail has it, the text, its bytes in hexadecimal. The text is every letter of the languages below that the set has, each
followed by a blank, so that a letter read wrongly cannot take its neighbour along.
"""

import codecs
import json

LETTERS = (
    "Grüße à bientôt ñandú łódź Dvořák İstanbul Ærø ŷ ț ð "
    "Καλημέρα Привет Ђука їжак қазақ שלום مرحبا سلام สวัสดี Việt "
    "日本語カナかな 中文简体繁體 한국어 漢字 € “”—…"
)


# What stands in mail: the sets of the RFCs, of Windows, DOS and the Macintosh, and what programs call them.
LABELS = (
    "us-ascii utf-8 utf8 cp65001 utf-7 unicode-1-1-utf-7 utf-16 utf-16le utf-16be utf-32 utf-32le utf-32be "
    "iso-8859-1 latin1 iso8859-1 iso_8859-1 iso-8859-2 iso-8859-3 iso-8859-4 iso-8859-5 iso-8859-6 iso-8859-7 iso-8859-8 iso-8859-8-i iso-8859-9 "
    "iso-8859-10 iso-8859-11 iso-8859-13 iso-8859-14 iso-8859-15 iso-8859-16 "
    "windows-1250 windows-1251 windows-1252 windows-1253 windows-1254 windows-1255 windows-1256 windows-1257 windows-1258 windows-874 cp1250 cp1251 cp1252 "
    "cp437 ibm437 cp737 cp775 cp850 cp852 cp855 cp857 cp858 cp860 cp861 cp862 cp863 cp864 cp865 cp866 cp869 cp874 tis-620 "
    "koi8-r koi8-u koi8-t macintosh mac-roman mac-cyrillic x-mac-cyrillic mac-greek mac-turkish mac-latin2 x-mac-ce "
    "gb2312 gbk cp936 gb18030 hz-gb-2312 big5 cp950 big5-hkscs "
    "shift_jis shift-jis sjis cp932 windows-31j ms_kanji euc-jp iso-2022-jp iso-2022-jp-1 iso-2022-jp-2 "
    "euc-kr ks_c_5601-1987 ks_c_5601 cp949 uhc iso-2022-kr"
).split()

# Labels that mail programs write, by the names that CPython has for them.
NAMES = {"unicode-1-1-utf-7": "utf-7", "iso-8859-8-i": "iso-8859-8", "windows-874": "cp874", "x-mac-cyrillic": "mac-cyrillic", "x-mac-ce": "mac-latin2", "windows-31j": "cp932"}


def has(codec, letter):
    try:
        return letter.encode(codec).decode(codec) == letter
    except UnicodeError:
        return False


for label in LABELS:
    codec = codecs.lookup(NAMES.get(label, label)).name
    text = " ".join(letter for letter in LETTERS if letter != " " and has(codec, letter))
    print(json.dumps({"label": label, "text": text, "bytes": text.encode(codec).hex()}))
