-- What people should know of a folder as the mail system keeps it: that it has no lasting numbers, for instance.
alter table waypost.folder add remark text;
