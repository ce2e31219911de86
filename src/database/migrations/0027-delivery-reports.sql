-- What came back of outgoing emails: one row for each recipient of a delivery report that was tracked. It changes nothing of the email: whoever knows a
-- Message-ID can write a report.
create table crm.deliveryreport (
  -- The email that the report became.
  reportid uuid not null references crm.email on delete cascade,
  ordinal int not null,
  -- The outgoing email that it is about.
  emailid uuid not null references crm.email on delete cascade,
  -- Message-ID under which the report names it.
  messageid text,
  -- Empty where the report names nobody.
  recipient text not null,
  kind text not null,
  status text,
  diagnosis text,
  reportedon timestamptz not null,
  primary key (reportid, ordinal)
);
create index deliveryreport_email on crm.deliveryreport (emailid);

-- Automatic messages that answered emails of ours, of which too many in an hour are a loop of two programs. `conversation`: see model/automatic-answer.ts.
create table waypost.automatic_answer (
  decision_id bigint primary key references waypost.decision on delete cascade,
  organization text not null,
  sender text not null,
  conversation text not null,
  received timestamptz not null
);
create index automatic_answer_sender on waypost.automatic_answer (organization, sender, received);
