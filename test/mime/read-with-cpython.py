"""Reads messages with CPython's email package, for the comparison in src/mime/cpython.test.ts.

Standard input: one file name a line. Standard output: one JSON object a line, in the same order. Leaves are the parts that are no multipart, in
order; a message inside the message is one leaf, and its bytes are not compared, because the package writes them anew.
"""

import codecs
import email
import email.policy
import email.utils
import hashlib
import json
import sys


def leaves(part):
    if part.get_content_maintype() == "multipart" and part.is_multipart():
        for inner in part.get_payload():
            yield from leaves(inner)
    else:
        yield part


def described(part):
    body = None if part.get_content_maintype() == "message" else part.get_payload(decode=True)
    return {
        "type": part.get_content_type(),
        "filename": part.get_filename(),
        "hash": None if body is None else hashlib.sha256(body.replace(b"\r\n", b"\n").rstrip()).hexdigest(),
        "text": None if body is None or part.get_content_maintype() != "text" else decoded(body, part.get_content_charset()),
    }


def decoded(body, charset):
    """The text, or nothing where this package cannot tell."""
    try:
        codecs.lookup(charset or "")
        return body.decode(charset)
    except (LookupError, UnicodeError, ValueError):
        return None


def subject_of(message):
    try:
        return str(email.header.make_header(email.header.decode_header(message.get("subject", ""))))
    except (LookupError, UnicodeError, ValueError, email.errors.HeaderParseError):
        return None


def read(name):
    with open(name, "rb") as file:
        message = email.message_from_bytes(file.read(), policy=email.policy.compat32)
    return {
        "subject": subject_of(message),
        "from": email.utils.parseaddr(str(message.get("from", "")))[1],
        "leaves": [described(part) for part in leaves(message)],
        "defects": [type(defect).__name__ for part in message.walk() for defect in part.defects],
    }


for line in sys.stdin:
    print(json.dumps(read(line.rstrip("\n"))))
