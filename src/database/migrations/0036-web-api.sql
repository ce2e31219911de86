-- The tables of the Dataverse Web API (product-behaviour 10.1) with the columns of the v9.0 dictionary, and what versions and change tracking need. Columns
-- are named as there; `<lookup>type` holds the table that a lookup with several targets refers to. What is null where Dynamics has a value is not kept here.

-- One count for all rows of the CRM: whichever is written last has the greatest number. Emails were counted one by one before.
create sequence crm.rowversion;
select setval('crm.rowversion', greatest(1, (select max(versionnumber) from crm.email)));

-- Rows that were deleted, for who asks what has changed.
create table crm.deletedrow (
  tablename text not null,
  rowid uuid not null,
  deletedin xid8 not null default pg_current_xact_id(),
  deletedon timestamptz not null default now(),
  primary key (tablename, rowid)
);
create index deletedrow_deletedin on crm.deletedrow (tablename, deletedin);
create index deletedrow_deletedon on crm.deletedrow (deletedon);

-- Text of a body. PostgreSQL's text cannot hold NUL, which strangers may send: it becomes the sign for what cannot be shown.
create function crm.text_of(body bytea) returns text language sql immutable parallel safe
  return convert_from(
    case when position('\x00'::bytea in body) = 0 then body
      else decode(replace(replace(encode(body, 'escape'), '\\', '\134'), '\000', '\357\277\275'), 'escape') end,
    'UTF8');

-- What Dynamics shows as an email's `description`: its HTML, or its plain text as HTML.
create function crm.description_of(html text, plain text) returns text language sql stable parallel safe
  return coalesce(
    (select crm.text_of(content.body) from crm.content where content.hash = html),
    (select regexp_replace(replace(replace(replace(crm.text_of(content.body), '&', '&amp;'), '<', '&lt;'), '>', '&gt;'), '\r\n|\n|\r', '<br>', 'g')
      from crm.content where content.hash = plain));

alter table crm.account
  add accountcategorycode int, add accountclassificationcode int, add accountnumber text, add accountratingcode int, add address1_addressid uuid,
  add address1_addresstypecode int, add address1_city text, add address1_country text, add address1_county text, add address1_fax text,
  add address1_freighttermscode int, add address1_latitude double precision, add address1_line1 text, add address1_line2 text,
  add address1_line3 text, add address1_longitude double precision, add address1_name text, add address1_postalcode text,
  add address1_postofficebox text, add address1_primarycontactname text, add address1_shippingmethodcode int, add address1_stateorprovince text,
  add address1_telephone1 text, add address1_telephone2 text, add address1_telephone3 text, add address1_upszone text, add address1_utcoffset int,
  add address2_addressid uuid, add address2_addresstypecode int, add address2_city text, add address2_country text, add address2_county text,
  add address2_fax text, add address2_freighttermscode int, add address2_latitude double precision, add address2_line1 text, add address2_line2 text,
  add address2_line3 text, add address2_longitude double precision, add address2_name text, add address2_postalcode text,
  add address2_postofficebox text, add address2_primarycontactname text, add address2_shippingmethodcode int, add address2_stateorprovince text,
  add address2_telephone1 text, add address2_telephone2 text, add address2_telephone3 text, add address2_upszone text, add address2_utcoffset int,
  add aging30 numeric, add aging60 numeric, add aging90 numeric, add businesstypecode int, add createdby uuid, add createdonbehalfby uuid,
  add creditlimit numeric, add creditonhold boolean default false, add customersizecode int, add customertypecode int, add description text,
  add donotbulkemail boolean default false, add donotbulkpostalmail boolean default false, add donotfax boolean default false,
  add donotphone boolean default false, add donotpostalmail boolean default false, add donotsendmm boolean default false, add fax text,
  add followemail boolean default true, add ftpsiteurl text, add importsequencenumber int, add industrycode int, add lastonholdtime timestamptz,
  add lastusedincampaign timestamptz, add marketcap numeric, add marketingonly boolean default false, add masterid uuid,
  add merged boolean default false, add modifiedby uuid, add modifiedonbehalfby uuid, add numberofemployees int, add onholdtime int,
  add opendeals int, add opendeals_date timestamptz, add opendeals_state int, add openrevenue numeric, add openrevenue_date timestamptz,
  add openrevenue_state int, add originatingleadid uuid, add overriddencreatedon timestamptz, add owneridtype text default 'systemuser',
  add ownershipcode int, add parentaccountid uuid, add participatesinworkflow boolean default false, add paymenttermscode int,
  add preferredappointmentdaycode int, add preferredappointmenttimecode int, add preferredcontactmethodcode int, add preferredsystemuserid uuid,
  add primarycontactid uuid, add primarysatoriid text, add primarytwitterid text, add processid uuid, add revenue numeric, add sharesoutstanding int,
  add shippingmethodcode int, add sic text, add stageid uuid, add statuscode int default 1, add stockexchange text, add telephone1 text,
  add telephone2 text, add telephone3 text, add territorycode int, add tickersymbol text, add timespentbymeonemailandmeetings text,
  add timezoneruleversionnumber int, add traversedpath text, add utcconversiontimezonecode int, add websiteurl text, add yominame text;

alter table crm.activitymimeattachment
  add objecttypecode text not null default 'email', add subject text;

alter table crm.activityparty
  add activitytypecode text not null default 'email', add effort double precision, add exchangeentryid text;

create table crm.annotation (
  annotationid uuid primary key default gen_random_uuid(), createdby uuid, createdon timestamptz not null default now(), createdonbehalfby uuid,
  documentbody text, filename text, filesize int, importsequencenumber int, isdocument boolean default false, langid text, mimetype text,
  modifiedby uuid, modifiedon timestamptz not null default now(), modifiedonbehalfby uuid, notetext text, objecttypecode text, objectid uuid,
  overriddencreatedon timestamptz, ownerid uuid, owneridtype text default 'systemuser', stepid text, subject text
);

create table crm.appointment (
  activityid uuid primary key default gen_random_uuid(), activityadditionalparams text, actualdurationminutes int, actualend timestamptz,
  actualstart timestamptz, attachmentcount int, attachmenterrors int, category text, community int, createdby uuid,
  createdon timestamptz not null default now(), createdonbehalfby uuid, deliverylastattemptedon timestamptz, deliveryprioritycode int,
  description text, exchangeitemid text, exchangeweblink text, globalobjectid text, importsequencenumber int, instancetypecode int,
  isalldayevent boolean default false, isbilled boolean default false, ismapiprivate boolean default false, isregularactivity boolean default false,
  isworkflowcreated boolean default false, lastonholdtime timestamptz, leftvoicemail boolean default false, location text, modifiedby uuid,
  modifiedfieldsmask text, modifiedon timestamptz not null default now(), modifiedonbehalfby uuid, onholdtime int, originalstartdate timestamptz,
  outlookownerapptid int, overriddencreatedon timestamptz, ownerid uuid, owneridtype text default 'systemuser',
  postponeactivityprocessinguntil timestamptz, prioritycode int, processid uuid, regardingobjecttypecode text, regardingobjectid uuid,
  scheduleddurationminutes int, scheduledend timestamptz, scheduledstart timestamptz, sendermailboxid uuid, senton timestamptz, seriesid uuid,
  sortdate timestamptz, stageid uuid, statecode int default 0, statuscode int default 1, subcategory text, subject text, subscriptionid uuid,
  timezoneruleversionnumber int, traversedpath text, utcconversiontimezonecode int
);

create table crm.campaignresponse (
  activityid uuid primary key default gen_random_uuid(), activityadditionalparams text, actualdurationminutes int, actualend timestamptz,
  actualstart timestamptz, category text, channeltypecode int, community int, companyname text, createdby uuid,
  createdon timestamptz not null default now(), createdonbehalfby uuid, deliverylastattemptedon timestamptz, deliveryprioritycode int,
  description text, emailaddress text, exchangeitemid text, exchangeweblink text, fax text, firstname text, importsequencenumber int,
  instancetypecode int, isbilled boolean default false, ismapiprivate boolean default false, isregularactivity boolean default false,
  isworkflowcreated boolean default false, lastname text, lastonholdtime timestamptz, leftvoicemail boolean default false, modifiedby uuid,
  modifiedon timestamptz not null default now(), modifiedonbehalfby uuid, onholdtime int, originatingactivityidtype text, originatingactivityid uuid,
  overriddencreatedon timestamptz, ownerid uuid, owneridtype text default 'systemuser', postponeactivityprocessinguntil timestamptz,
  prioritycode int, processid uuid, promotioncodename text, receivedon timestamptz, regardingobjecttypecode text, regardingobjectid uuid,
  responsecode int, scheduleddurationminutes int, scheduledend timestamptz, scheduledstart timestamptz, sendermailboxid uuid, senton timestamptz,
  seriesid uuid, sortdate timestamptz, stageid uuid, statecode int default 0, statuscode int default 1, subcategory text, subject text,
  telephone text, timezoneruleversionnumber int, traversedpath text, utcconversiontimezonecode int, yomicompanyname text, yomifirstname text,
  yomilastname text
);

alter table crm.email
  add activityadditionalparams text, add actualdurationminutes int, add actualstart timestamptz, add attachmentopencount int,
  add baseconversationindexhash int, add category text, add community int, add compressed boolean default false, add conversationtrackingid uuid,
  add correlatedsubjectchanged boolean default false, add createdby uuid, add createdonbehalfby uuid, add deliverylastattemptedon timestamptz,
  add deliveryprioritycode int, add emailreminderexpirytime timestamptz, add emailreminderstatus int, add emailremindertext text,
  add emailremindertype int, add emailtrackingid uuid, add exchangeitemid text, add exchangeweblink text,
  add followemailuserpreference boolean default false, add importsequencenumber int, add instancetypecode int, add isbilled boolean default false,
  add isemailfollowed boolean default false, add isemailreminderset boolean default false, add ismapiprivate boolean default false,
  add isregularactivity boolean default false, add isunsafe int, add isworkflowcreated boolean default false, add lastonholdtime timestamptz,
  add lastopenedtime timestamptz, add leftvoicemail boolean default false, add linksclickedcount int, add mimetype text, add modifiedby uuid,
  add modifiedonbehalfby uuid, add onholdtime int, add opencount int, add overriddencreatedon timestamptz,
  add postponeactivityprocessinguntil timestamptz, add processid uuid, add receivingmailboxid uuid, add reminderactioncardid uuid,
  add replycount int, add scheduleddurationminutes int, add scheduledend timestamptz, add scheduledstart timestamptz, add sendermailboxid uuid,
  add seriesid uuid, add sortdate timestamptz, add stageid uuid, add subcategory text, add templateid uuid, add timezoneruleversionnumber int,
  add traversedpath text, add utcconversiontimezonecode int;

create table crm.fax (
  activityid uuid primary key default gen_random_uuid(), activityadditionalparams text, actualdurationminutes int, actualend timestamptz,
  actualstart timestamptz, billingcode text, category text, community int, coverpagename text, createdby uuid,
  createdon timestamptz not null default now(), createdonbehalfby uuid, deliverylastattemptedon timestamptz, deliveryprioritycode int,
  description text, directioncode boolean, exchangeitemid text, exchangeweblink text, faxnumber text, importsequencenumber int, instancetypecode int,
  isbilled boolean default false, ismapiprivate boolean default false, isregularactivity boolean default false,
  isworkflowcreated boolean default false, lastonholdtime timestamptz, leftvoicemail boolean default false, modifiedby uuid,
  modifiedon timestamptz not null default now(), modifiedonbehalfby uuid, numberofpages int, onholdtime int, overriddencreatedon timestamptz,
  ownerid uuid, owneridtype text default 'systemuser', postponeactivityprocessinguntil timestamptz, prioritycode int, processid uuid,
  regardingobjecttypecode text, regardingobjectid uuid, scheduleddurationminutes int, scheduledend timestamptz, scheduledstart timestamptz,
  sendermailboxid uuid, senton timestamptz, seriesid uuid, sortdate timestamptz, stageid uuid, statecode int default 0, statuscode int default 1,
  subcategory text, subject text, subscriptionid uuid, timezoneruleversionnumber int, traversedpath text, tsid text, utcconversiontimezonecode int
);

create table crm.letter (
  activityid uuid primary key default gen_random_uuid(), activityadditionalparams text, actualdurationminutes int, actualend timestamptz,
  actualstart timestamptz, address text, category text, community int, createdby uuid, createdon timestamptz not null default now(),
  createdonbehalfby uuid, deliverylastattemptedon timestamptz, deliveryprioritycode int, description text, directioncode boolean default true,
  exchangeitemid text, exchangeweblink text, importsequencenumber int, instancetypecode int, isbilled boolean default false,
  ismapiprivate boolean default false, isregularactivity boolean default false, isworkflowcreated boolean default false, lastonholdtime timestamptz,
  leftvoicemail boolean default false, modifiedby uuid, modifiedon timestamptz not null default now(), modifiedonbehalfby uuid, onholdtime int,
  overriddencreatedon timestamptz, ownerid uuid, owneridtype text default 'systemuser', postponeactivityprocessinguntil timestamptz,
  prioritycode int, processid uuid, regardingobjecttypecode text, regardingobjectid uuid, scheduleddurationminutes int, scheduledend timestamptz,
  scheduledstart timestamptz, sendermailboxid uuid, senton timestamptz, seriesid uuid, sortdate timestamptz, stageid uuid, statecode int default 0,
  statuscode int default 2, subcategory text, subject text, subscriptionid uuid, timezoneruleversionnumber int, traversedpath text,
  utcconversiontimezonecode int
);

create table crm.phonecall (
  activityid uuid primary key default gen_random_uuid(), activityadditionalparams text, actualdurationminutes int, actualend timestamptz,
  actualstart timestamptz, category text, community int, createdby uuid, createdon timestamptz not null default now(), createdonbehalfby uuid,
  deliverylastattemptedon timestamptz, deliveryprioritycode int, description text, directioncode boolean default true, exchangeitemid text,
  exchangeweblink text, importsequencenumber int, instancetypecode int, isbilled boolean default false, ismapiprivate boolean default false,
  isregularactivity boolean default false, isworkflowcreated boolean default false, lastonholdtime timestamptz, leftvoicemail boolean default false,
  modifiedby uuid, modifiedon timestamptz not null default now(), modifiedonbehalfby uuid, onholdtime int, overriddencreatedon timestamptz,
  ownerid uuid, owneridtype text default 'systemuser', phonenumber text, postponeactivityprocessinguntil timestamptz, prioritycode int,
  processid uuid, regardingobjecttypecode text, regardingobjectid uuid, scheduleddurationminutes int, scheduledend timestamptz,
  scheduledstart timestamptz, sendermailboxid uuid, senton timestamptz, seriesid uuid, sortdate timestamptz, stageid uuid, statecode int default 0,
  statuscode int default 1, subcategory text, subject text, subscriptionid uuid, timezoneruleversionnumber int, traversedpath text,
  utcconversiontimezonecode int
);

create table crm.recurringappointmentmaster (
  activityid uuid primary key default gen_random_uuid(), activityadditionalparams text, actualdurationminutes int, actualend timestamptz,
  actualstart timestamptz, category text, community int, createdby uuid, createdon timestamptz not null default now(), createdonbehalfby uuid,
  dayofmonth int, daysofweekmask int, deletedexceptionslist text, deliverylastattemptedon timestamptz, deliveryprioritycode int, description text,
  duration int, effectiveenddate timestamptz, effectivestartdate timestamptz, endtime timestamptz, exchangeitemid text, exchangeweblink text,
  expansionstatecode int, firstdayofweek int, globalobjectid text, groupid uuid, importsequencenumber int, instance int, instancetypecode int,
  interval int, isalldayevent boolean default false, isbilled boolean default false, ismapiprivate boolean default false,
  isnthmonthly boolean default false, isnthyearly boolean default false, isregenerate boolean default false, isregularactivity boolean default false,
  isweekdaypattern boolean default false, isworkflowcreated boolean default false, lastexpandedinstancedate timestamptz, lastonholdtime timestamptz,
  leftvoicemail boolean default false, location text, modifiedby uuid, modifiedon timestamptz not null default now(), modifiedonbehalfby uuid,
  monthofyear int, nextexpansioninstancedate timestamptz, occurrences int, onholdtime int, outlookownerapptid int, overriddencreatedon timestamptz,
  ownerid uuid, owneridtype text default 'systemuser', patternenddate timestamptz, patternendtype int, patternstartdate timestamptz,
  postponeactivityprocessinguntil timestamptz, prioritycode int, processid uuid, recurrencepatterntype int, regardingobjecttypecode text,
  regardingobjectid uuid, ruleid uuid, scheduleddurationminutes int, scheduledend timestamptz, scheduledstart timestamptz, sendermailboxid uuid,
  senton timestamptz, seriesid uuid, seriesstatus boolean default true, sortdate timestamptz, stageid uuid, starttime timestamptz,
  statecode int default 0, statuscode int default 1, subcategory text, subject text, subscriptionid uuid, timezoneruleversionnumber int,
  traversedpath text, utcconversiontimezonecode int
);

create table crm.serviceappointment (
  activityid uuid primary key default gen_random_uuid(), activityadditionalparams text, actualdurationminutes int, actualend timestamptz,
  actualstart timestamptz, category text, community int, createdby uuid, createdon timestamptz not null default now(), createdonbehalfby uuid,
  deliverylastattemptedon timestamptz, deliveryprioritycode int, description text, exchangeitemid text, exchangeweblink text,
  importsequencenumber int, instancetypecode int, isalldayevent boolean default false, isbilled boolean default false,
  ismapiprivate boolean default false, isregularactivity boolean default false, isworkflowcreated boolean default false, lastonholdtime timestamptz,
  leftvoicemail boolean default false, location text, modifiedby uuid, modifiedon timestamptz not null default now(), modifiedonbehalfby uuid,
  onholdtime int, overriddencreatedon timestamptz, ownerid uuid, owneridtype text default 'systemuser', postponeactivityprocessinguntil timestamptz,
  prioritycode int, processid uuid, regardingobjecttypecode text, regardingobjectid uuid, scheduleddurationminutes int, scheduledend timestamptz,
  scheduledstart timestamptz, sendermailboxid uuid, senton timestamptz, seriesid uuid, sortdate timestamptz, stageid uuid, statecode int default 0,
  statuscode int default 1, subcategory text, subject text, subscriptionid uuid, timezoneruleversionnumber int, traversedpath text,
  utcconversiontimezonecode int
);

create table crm.task (
  activityid uuid primary key default gen_random_uuid(), activityadditionalparams text, actualdurationminutes int, actualend timestamptz,
  actualstart timestamptz, category text, community int, createdby uuid, createdon timestamptz not null default now(), createdonbehalfby uuid,
  crmtaskassigneduniqueid uuid, deliverylastattemptedon timestamptz, deliveryprioritycode int, description text, exchangeitemid text,
  exchangeweblink text, importsequencenumber int, instancetypecode int, isbilled boolean default false, ismapiprivate boolean default false,
  isregularactivity boolean default false, isworkflowcreated boolean default false, lastonholdtime timestamptz, leftvoicemail boolean default false,
  modifiedby uuid, modifiedon timestamptz not null default now(), modifiedonbehalfby uuid, onholdtime int, overriddencreatedon timestamptz,
  ownerid uuid, owneridtype text default 'systemuser', percentcomplete int, postponeactivityprocessinguntil timestamptz, prioritycode int,
  processid uuid, regardingobjecttypecode text, regardingobjectid uuid, scheduleddurationminutes int, scheduledend timestamptz,
  scheduledstart timestamptz, sendermailboxid uuid, senton timestamptz, seriesid uuid, sortdate timestamptz, stageid uuid, statecode int default 0,
  statuscode int default 2, subcategory text, subject text, subscriptionid uuid, timezoneruleversionnumber int, traversedpath text,
  utcconversiontimezonecode int
);

create table crm.asyncoperation (
  asyncoperationid uuid primary key default gen_random_uuid(), completedon timestamptz, correlationid uuid, correlationupdatedtime timestamptz,
  createdby uuid, createdon timestamptz not null default now(), createdonbehalfby uuid, data text, dependencytoken text, depth int, errorcode int,
  executiontimespan double precision, friendlymessage text, hostid text, iswaitingforevent boolean, message text, messagename text, modifiedby uuid,
  modifiedon timestamptz not null default now(), modifiedonbehalfby uuid, name text, operationtype int, ownerid uuid,
  owneridtype text default 'systemuser', parentpluginexecutionid uuid, postponeuntil timestamptz, primaryentitytype text, recurrencepattern text,
  recurrencestarttime timestamptz, regardingobjecttypecode text, regardingobjectid uuid, requestid uuid, retrycount int, sequence bigint,
  startedon timestamptz, statecode int default 0, statuscode int default 0, subtype int, timezoneruleversionnumber int,
  utcconversiontimezonecode int, workflowstagename text
);

alter table crm.contact
  add accountrolecode int, add address1_addressid uuid, add address1_addresstypecode int, add address1_city text, add address1_country text,
  add address1_county text, add address1_fax text, add address1_freighttermscode int, add address1_latitude double precision,
  add address1_line1 text, add address1_line2 text, add address1_line3 text, add address1_longitude double precision, add address1_name text,
  add address1_postalcode text, add address1_postofficebox text, add address1_primarycontactname text, add address1_shippingmethodcode int,
  add address1_stateorprovince text, add address1_telephone1 text, add address1_telephone2 text, add address1_telephone3 text,
  add address1_upszone text, add address1_utcoffset int, add address2_addressid uuid, add address2_addresstypecode int, add address2_city text,
  add address2_country text, add address2_county text, add address2_fax text, add address2_freighttermscode int,
  add address2_latitude double precision, add address2_line1 text, add address2_line2 text, add address2_line3 text,
  add address2_longitude double precision, add address2_name text, add address2_postalcode text, add address2_postofficebox text,
  add address2_primarycontactname text, add address2_shippingmethodcode int, add address2_stateorprovince text, add address2_telephone1 text,
  add address2_telephone2 text, add address2_telephone3 text, add address2_upszone text, add address2_utcoffset int, add address3_addressid uuid,
  add address3_addresstypecode int, add address3_city text, add address3_country text, add address3_county text, add address3_fax text,
  add address3_freighttermscode int, add address3_latitude double precision, add address3_line1 text, add address3_line2 text,
  add address3_line3 text, add address3_longitude double precision, add address3_name text, add address3_postalcode text,
  add address3_postofficebox text, add address3_primarycontactname text, add address3_shippingmethodcode int, add address3_stateorprovince text,
  add address3_telephone1 text, add address3_telephone2 text, add address3_telephone3 text, add address3_upszone text, add address3_utcoffset int,
  add aging30 numeric, add aging60 numeric, add aging90 numeric, add anniversary date, add annualincome numeric, add assistantname text,
  add assistantphone text, add birthdate date, add business2 text, add callback text, add childrensnames text, add company text, add createdby uuid,
  add createdonbehalfby uuid, add creditlimit numeric, add creditonhold boolean default false, add customersizecode int, add customertypecode int,
  add department text, add description text, add donotbulkemail boolean default false, add donotbulkpostalmail boolean default false,
  add donotfax boolean default false, add donotphone boolean default false, add donotpostalmail boolean default false,
  add donotsendmm boolean default false, add educationcode int, add employeeid text, add externaluseridentifier text, add familystatuscode int,
  add fax text, add followemail boolean default true, add ftpsiteurl text, add gendercode int, add governmentid text, add haschildrencode int,
  add home2 text, add importsequencenumber int, add isbackofficecustomer boolean default false, add jobtitle text, add lastonholdtime timestamptz,
  add lastusedincampaign timestamptz, add leadsourcecode int, add managername text, add managerphone text, add marketingonly boolean default false,
  add masterid uuid, add merged boolean default false, add middlename text, add mobilephone text, add modifiedby uuid, add modifiedonbehalfby uuid,
  add nickname text, add numberofchildren int, add onholdtime int, add originatingleadid uuid, add overriddencreatedon timestamptz,
  add owneridtype text default 'systemuser', add pager text, add parentcustomeridtype text, add participatesinworkflow boolean default false,
  add paymenttermscode int, add preferredappointmentdaycode int, add preferredappointmenttimecode int, add preferredcontactmethodcode int,
  add preferredsystemuserid uuid, add processid uuid, add salutation text, add shippingmethodcode int, add spousesname text, add stageid uuid,
  add statuscode int default 1, add subscriptionid uuid, add suffix text, add telephone1 text, add telephone2 text, add telephone3 text,
  add territorycode int, add timespentbymeonemailandmeetings text, add timezoneruleversionnumber int, add traversedpath text,
  add utcconversiontimezonecode int, add websiteurl text, add yomifirstname text, add yomifullname text, add yomilastname text,
  add yomimiddlename text;

create table crm.emailserverprofile (
  emailserverprofileid uuid primary key default gen_random_uuid(), createdby uuid, createdon timestamptz not null default now(),
  createdonbehalfby uuid, defaultserverlocation text, description text, emailservertypename text, encodingcodepage text, exchangeonlinetenantid text,
  exchangeversion int, incomingauthenticationprotocol int, incomingcredentialretrieval int, incomingportnumber int, incomingserverlocation text,
  incominguseimpersonation boolean default false, incomingusername text, incomingusessl boolean default true,
  isincomingpasswordset boolean default false, isoutgoingpasswordset boolean default false, lastauthorizationstatus int, lastcrmmessage text,
  lasttestexecutionstatus int, lasttestrequest text, lasttestresponse text, lastteststarttime timestamptz, lasttesttotalexecutiontime bigint,
  lasttestvalidationstatus int, maxconcurrentconnections int, minpollingintervalinminutes int, modifiedby uuid,
  modifiedon timestamptz not null default now(), modifiedonbehalfby uuid, moveundeliveredemails boolean default false, name text,
  outgoingauthenticationprotocol int, outgoingautograntdelegateaccess boolean default false, outgoingcredentialretrieval int, outgoingportnumber int,
  outgoingserverlocation text, outgoinguseimpersonation boolean default false, outgoingusername text, outgoingusessl boolean default true,
  owneremailaddress text, ownerid uuid, owneridtype text default 'systemuser', processemailsreceivedafter timestamptz,
  sendemailalert boolean default false, servertype int, statecode int default 0, statuscode int default 1,
  timeoutmailboxconnection boolean default true, timeoutmailboxconnectionafteramount int, timezoneruleversionnumber int,
  useautodiscover boolean default false, usedefaulttenantid boolean default true, usesamesettingsforoutgoingconnections boolean default true,
  utcconversiontimezonecode int
);

create table crm.exchangesyncidmapping (
  exchangesyncidmappingid uuid primary key default gen_random_uuid(), createdon timestamptz not null default now(), exchangeentryid text,
  fromcrmchangetype int, isdeletedinexchange boolean default false, isunlinkedincrm boolean default false, lastsyncerror text, lastsyncerrorcode int,
  lastsyncerroroccurredon timestamptz, modifiedon timestamptz not null default now(), objectid uuid, objecttypecode int, ownerid uuid,
  owneridtype text default 'systemuser', retries int, tocrmchangetype int, userdecision int
);

alter table crm.lead
  add address1_addressid uuid, add address1_addresstypecode int, add address1_city text, add address1_country text, add address1_county text,
  add address1_fax text, add address1_latitude double precision, add address1_line1 text, add address1_line2 text, add address1_line3 text,
  add address1_longitude double precision, add address1_name text, add address1_postalcode text, add address1_postofficebox text,
  add address1_shippingmethodcode int, add address1_stateorprovince text, add address1_telephone1 text, add address1_telephone2 text,
  add address1_telephone3 text, add address1_upszone text, add address1_utcoffset int, add address2_addressid uuid, add address2_addresstypecode int,
  add address2_city text, add address2_country text, add address2_county text, add address2_fax text, add address2_latitude double precision,
  add address2_line1 text, add address2_line2 text, add address2_line3 text, add address2_longitude double precision, add address2_name text,
  add address2_postalcode text, add address2_postofficebox text, add address2_shippingmethodcode int, add address2_stateorprovince text,
  add address2_telephone1 text, add address2_telephone2 text, add address2_telephone3 text, add address2_upszone text, add address2_utcoffset int,
  add budgetamount numeric, add budgetstatus int, add confirminterest boolean default false, add createdby uuid, add createdonbehalfby uuid,
  add customeridtype text, add customerid uuid, add decisionmaker boolean default false, add description text,
  add donotbulkemail boolean default false, add donotfax boolean default false, add donotphone boolean default false,
  add donotpostalmail boolean default false, add donotsendmm boolean default false, add estimatedamount numeric, add estimatedclosedate date,
  add estimatedvalue double precision, add evaluatefit boolean default false, add fax text, add followemail boolean default true,
  add importsequencenumber int, add industrycode int, add initialcommunication int, add jobtitle text, add lastonholdtime timestamptz,
  add lastusedincampaign timestamptz, add leadqualitycode int, add leadsourcecode int, add masterid uuid, add merged boolean default false,
  add middlename text, add mobilephone text, add modifiedby uuid, add modifiedonbehalfby uuid, add need int, add numberofemployees int,
  add onholdtime int, add overriddencreatedon timestamptz, add owneridtype text default 'systemuser', add pager text, add parentaccountid uuid,
  add parentcontactid uuid, add participatesinworkflow boolean default false, add preferredcontactmethodcode int, add prioritycode int,
  add processid uuid, add purchaseprocess int, add purchasetimeframe int, add qualificationcomments text, add relatedobjectid uuid,
  add revenue numeric, add salesstage int, add salesstagecode int, add salutation text, add schedulefollowup_prospect timestamptz,
  add schedulefollowup_qualify timestamptz, add sic text, add stageid uuid, add statuscode int default 1, add telephone1 text, add telephone2 text,
  add telephone3 text, add timespentbymeonemailandmeetings text, add timezoneruleversionnumber int, add traversedpath text,
  add utcconversiontimezonecode int, add websiteurl text, add yomicompanyname text, add yomifirstname text, add yomifullname text,
  add yomilastname text, add yomimiddlename text;

create table crm.mailbox (
  mailboxid uuid primary key default gen_random_uuid(), actdeliverymethod int, actstatus int,
  allowemailconnectortousecredentials boolean default false, averagetotalduration int, createdby uuid, createdon timestamptz not null default now(),
  createdonbehalfby uuid, emailaddress text, emailrouteraccessapproval int, emailserverprofile uuid, enabledforact boolean default true,
  enabledforincomingemail boolean default true, enabledforoutgoingemail boolean default true, ewsurl text,
  exchangecontactsimportcompletedon timestamptz, exchangecontactsimportstatus int, exchangesyncstatexml text, folderhierarchy text,
  forcedunlockcount int, hostid text, incomingemaildeliverymethod int, incomingemailstatus int, isactsyncorgflagset boolean default false,
  isemailaddressapprovedbyo365admin boolean default false, isexchangecontactsimportscheduled boolean default false,
  isforwardmailbox boolean default true, ispasswordset boolean default false, isserviceaccount boolean default false, itemsfailedforlastsync int,
  itemsprocessedforlastsync int, lastautodiscoveredon timestamptz, lastduration int, lastmailboxforcedunlockoccurredon timestamptz,
  lastsuccessfulsynccompletedon timestamptz, lastsyncerror text, lastsyncerrorcode int, lastsyncerrorcount int, lastsyncerrormachinename text,
  lastsyncerroroccurredon timestamptz, lastsyncstartedon timestamptz, mailboxprocessingcontext int, mailboxstatus int, modifiedby uuid,
  modifiedon timestamptz not null default now(), modifiedonbehalfby uuid, name text, noactcount int, noemailcount int,
  officeappsdeploymentcompleteon timestamptz, officeappsdeploymenterror text, officeappsdeploymentscheduled boolean default false,
  officeappsdeploymentstatus int, orgmarkedasprimaryforexchangesync boolean default false, outgoingemaildeliverymethod int, outgoingemailstatus int,
  ownerid uuid, owneridtype text default 'systemuser', postponemailboxprocessinguntil timestamptz, postponeofficeappsdeploymentuntil timestamptz,
  postponesendinguntil timestamptz, postponetestemailconfigurationuntil timestamptz, processanddeleteemails boolean default false,
  processedtimes int, processemailreceivedafter timestamptz, processinglastattemptedon timestamptz, processingstatecode int,
  receivingpostponeduntil timestamptz, receivingpostponeduntilforact timestamptz, regardingobjecttypecode text, regardingobjectid uuid,
  statecode int default 0, statuscode int default 1, testemailconfigurationretrycount int, testemailconfigurationscheduled boolean default false,
  testmailboxaccesscompletedon timestamptz, timezoneruleversionnumber int, transientfailurecount int, undeliverablefolder text, username text,
  utcconversiontimezonecode int, verboseloggingenabled int
);

create table crm.mailboxstatistics (
  mailboxstatisticsid uuid primary key default gen_random_uuid(), asynceventid uuid, crmitemsbacklog int, individualstepdurations text,
  itemsfailed int, itemsprocessed int, mailboxid uuid, mailboxprocesscompletedon timestamptz, mailboxprocessscheduledon timestamptz,
  mailboxprocessstartedon timestamptz, operationtypeid int, processresult boolean default false, processtimeintervalinminutes int,
  scheduledtimeintervalinminutes int
);

create table crm.mailboxtrackingfolder (
  mailboxtrackingfolderid uuid primary key default gen_random_uuid(), createdby uuid, createdon timestamptz not null default now(),
  createdonbehalfby uuid, exchangefolderid text, exchangefoldername text, folderonboardingstatus int, mailboxid uuid, modifiedby uuid,
  modifiedon timestamptz not null default now(), modifiedonbehalfby uuid, ownerid uuid, owneridtype text default 'systemuser',
  regardingobjecttypecode text, regardingobjectid uuid
);

alter table crm.queue
  add allowemailcredentials boolean default false, add businessunitid uuid, add createdby uuid, add createdon timestamptz not null default now(),
  add createdonbehalfby uuid, add defaultmailbox uuid, add description text, add emailrouteraccessapproval int,
  add ignoreunsolicitedemail boolean default false, add importsequencenumber int, add incomingemaildeliverymethod int,
  add isemailaddressapprovedbyo365admin boolean default false, add isfaxqueue boolean default false, add modifiedby uuid,
  add modifiedon timestamptz not null default now(), add modifiedonbehalfby uuid, add numberofitems int, add numberofmembers int,
  add outgoingemaildeliverymethod int, add overriddencreatedon timestamptz, add primaryuserid uuid, add queuetypecode int, add queueviewtype int,
  add statuscode int default 1;

alter table crm.queueitem
  add createdby uuid, add createdon timestamptz not null default now(), add createdonbehalfby uuid, add importsequencenumber int,
  add modifiedby uuid, add modifiedon timestamptz not null default now(), add modifiedonbehalfby uuid, add objectidtypecode text not null default 'email',
  add overriddencreatedon timestamptz, add priority int, add sender text, add state int, add statecode int default 0, add status int,
  add statuscode int default 1, add timezoneruleversionnumber int, add torecipients text, add utcconversiontimezonecode int, add workeridtype text,
  add workerid uuid, add workeridmodifiedon timestamptz;

create table crm.queuemembership (
  queuemembershipid uuid primary key default gen_random_uuid(), queueid uuid, systemuserid uuid
);

create table crm.recurrencerule (
  ruleid uuid primary key default gen_random_uuid(), createdby uuid, createdon timestamptz not null default now(), createdonbehalfby uuid,
  dayofmonth int, daysofweekmask int, duration int, effectiveenddate timestamptz, effectivestartdate timestamptz, endtime timestamptz,
  firstdayofweek int, instance int, interval int, isnthmonthly boolean default false, isnthyearly boolean default false,
  isregenerate boolean default false, isweekdaypattern boolean default false, modifiedby uuid, modifiedon timestamptz not null default now(),
  modifiedonbehalfby uuid, monthofyear int, objectid uuid, occurrences int, ownerid uuid, owneridtype text default 'systemuser',
  patternenddate timestamptz, patternendtype int, patternstartdate timestamptz, recurrencepatterntype int, starttime timestamptz
);

create table crm.savedquery (
  savedqueryid uuid primary key default gen_random_uuid(), advancedgroupby text, columnsetxml text, componentstate int, conditionalformatting text,
  createdby uuid, createdon timestamptz not null default now(), createdonbehalfby uuid, description text, fetchxml text, introducedversion text,
  iscustom boolean, isdefault boolean, ismanaged boolean, isquickfindquery boolean, isuserdefined boolean, layoutxml text, modifiedby uuid,
  modifiedon timestamptz not null default now(), modifiedonbehalfby uuid, name text, organizationid uuid, organizationtaborder int,
  overwritetime timestamptz, queryapi text, queryappusage int, querytype int, returnedtypecode text, savedqueryidunique uuid, solutionid uuid,
  statecode int default 0, statuscode int default 1
);

create table crm.syncerror (
  syncerrorid uuid primary key default gen_random_uuid(), action text, actiondata text, createdby uuid, createdon timestamptz not null default now(),
  createdonbehalfby uuid, description text, errorcode text, errordetail text, errormessage text, errortime timestamptz, errortype int,
  modifiedby uuid, modifiedon timestamptz not null default now(), modifiedonbehalfby uuid, name text, ownerid uuid,
  owneridtype text default 'systemuser', regardingobjecttypecode text, regardingobjectid uuid, requestdata text, statecode int default 0,
  statuscode int default 0
);

alter table crm.systemuser
  add accessmode int, add address1_addressid uuid, add address1_addresstypecode int, add address1_city text, add address1_country text,
  add address1_county text, add address1_fax text, add address1_latitude double precision, add address1_line1 text, add address1_line2 text,
  add address1_line3 text, add address1_longitude double precision, add address1_name text, add address1_postalcode text,
  add address1_postofficebox text, add address1_shippingmethodcode int, add address1_stateorprovince text, add address1_telephone1 text,
  add address1_telephone2 text, add address1_telephone3 text, add address1_upszone text, add address1_utcoffset int, add address2_addressid uuid,
  add address2_addresstypecode int, add address2_city text, add address2_country text, add address2_county text, add address2_fax text,
  add address2_latitude double precision, add address2_line1 text, add address2_line2 text, add address2_line3 text,
  add address2_longitude double precision, add address2_name text, add address2_postalcode text, add address2_postofficebox text,
  add address2_shippingmethodcode int, add address2_stateorprovince text, add address2_telephone1 text, add address2_telephone2 text,
  add address2_telephone3 text, add address2_upszone text, add address2_utcoffset int, add applicationid uuid, add applicationiduri text,
  add azureactivedirectoryobjectid uuid, add businessunitid uuid, add caltype int, add createdby uuid, add createdonbehalfby uuid,
  add defaultfilterspopulated boolean default false, add defaultmailbox uuid, add defaultodbfoldername text, add disabledreason text,
  add displayinserviceviews boolean default false, add domainname text, add emailrouteraccessapproval int, add employeeid text, add firstname text,
  add governmentid text, add homephone text, add importsequencenumber int, add incomingemaildeliverymethod int, add invitestatuscode int,
  add isemailaddressapprovedbyo365admin boolean default false, add isintegrationuser boolean default false, add islicensed boolean default false,
  add issyncwithdirectory boolean default false, add jobtitle text, add lastname text, add middlename text, add mobilephone text,
  add modifiedby uuid, add modifiedon timestamptz not null default now(), add modifiedonbehalfby uuid, add nickname text,
  add outgoingemaildeliverymethod int, add overriddencreatedon timestamptz, add parentsystemuserid uuid, add passporthi int, add passportlo int,
  add photourl text, add preferredaddresscode int, add preferredemailcode int, add preferredphonecode int, add processid uuid, add salutation text,
  add setupuser boolean default false, add sharepointemailaddress text, add skills text, add stageid uuid, add timezoneruleversionnumber int,
  add title text, add traversedpath text, add userlicensetype int, add utcconversiontimezonecode int, add windowsliveid text,
  add yammeremailaddress text, add yammeruserid text, add yomifirstname text, add yomifullname text, add yomilastname text, add yomimiddlename text;

create table crm.template (
  templateid uuid primary key default gen_random_uuid(), body text, componentstate int, createdby uuid, createdon timestamptz not null default now(),
  createdonbehalfby uuid, description text, generationtypecode int, importsequencenumber int, introducedversion text,
  ismanaged boolean default false, ispersonal boolean default true, isrecommended boolean default false, languagecode int, mimetype text,
  modifiedby uuid, modifiedon timestamptz not null default now(), modifiedonbehalfby uuid, opencount int, openrate int, overwritetime timestamptz,
  ownerid uuid, owneridtype text default 'systemuser', presentationxml text, replycount int, replyrate int, solutionid uuid, subject text,
  subjectpresentationxml text, templateidunique uuid, templatetypecode text, title text, usedcount int
);

create table crm.tracelog (
  tracelogid uuid primary key default gen_random_uuid(), canbedeleted boolean default true, collationlevel int, createdby uuid,
  createdon timestamptz not null default now(), createdonbehalfby uuid, errordetails text, errortypedisplay text, isunique boolean default false,
  level int, machinename text, modifiedby uuid, modifiedon timestamptz not null default now(), modifiedonbehalfby uuid, parenttracelogid uuid,
  regardingobjecttypecode text, regardingobjectid uuid, regardingobjectowneridtype text, regardingobjectownerid uuid,
  regardingobjectowningbusinessunit uuid, text text, timezoneruleversionnumber int, traceactionxml text, tracecode int, tracedetailxml text,
  traceparameterhash int, traceparameterxml text, tracestatus boolean default false, utcconversiontimezonecode int
);

create table crm.userquery (
  userqueryid uuid primary key default gen_random_uuid(), advancedgroupby text, columnsetxml text, conditionalformatting text, createdby uuid,
  createdon timestamptz not null default now(), createdonbehalfby uuid, description text, fetchxml text, layoutxml text, modifiedby uuid,
  modifiedon timestamptz not null default now(), modifiedonbehalfby uuid, name text, ownerid uuid, owneridtype text default 'systemuser',
  querytype int, returnedtypecode text, statecode int default 0, statuscode int default 1
);

alter table crm.usersettings
  add addressbooksyncinterval int, add advancedfindstartupmode int, add allowemailcredentials boolean default false, add amdesignator text,
  add businessunitid uuid, add calendartype int, add createdby uuid, add createdon timestamptz not null default now(), add createdonbehalfby uuid,
  add currencydecimalprecision int, add currencyformatcode int, add currencysymbol text, add datavalidationmodeforexporttoexcel int,
  add dateformatcode int, add dateformatstring text, add dateseparator text, add decimalsymbol text, add defaultcalendarview int,
  add defaultcountrycode text, add defaultdashboardid uuid, add defaultsearchexperience int, add entityformmode int,
  add fullnameconventioncode int, add getstartedpanecontentenabled boolean default true, add helplanguageid int, add homepagearea text,
  add homepagelayout text, add homepagesubarea text, add ignoreunsolicitedemail boolean default true,
  add isappsforcrmalertdismissed boolean default false, add isautodatacaptureenabled boolean default false,
  add isdefaultcountrycodecheckenabled boolean default true, add isduplicatedetectionenabledwhengoingonline boolean default false,
  add isguidedhelpenabled boolean default true, add isresourcebookingexchangesyncenabled boolean default false, add lastalertsviewedtime timestamptz,
  add localeid int, add longdateformatcode int, add modifiedby uuid, add modifiedon timestamptz not null default now(), add modifiedonbehalfby uuid,
  add negativecurrencyformatcode int, add negativeformatcode int, add numbergroupformat text, add numberseparator text, add offlinesyncinterval int,
  add outlooksyncinterval int, add paginglimit int, add personalizationsettings text, add pmdesignator text, add pricingdecimalprecision int,
  add reportscripterrors int, add resourcebookingexchangesyncversion bigint, add showweeknumber boolean default false,
  add splitviewstate boolean default false, add synccontactcompany boolean default false, add timeformatcode int, add timeformatstring text,
  add timeseparator text, add timezonebias int, add timezonecode int, add timezonedaylightbias int, add timezonedaylightday int,
  add timezonedaylightdayofweek int, add timezonedaylighthour int, add timezonedaylightminute int, add timezonedaylightmonth int,
  add timezonedaylightsecond int, add timezonedaylightyear int, add timezonestandardbias int, add timezonestandardday int,
  add timezonestandarddayofweek int, add timezonestandardhour int, add timezonestandardminute int, add timezonestandardmonth int,
  add timezonestandardsecond int, add timezonestandardyear int, add uilanguageid int, add usecrmformforappointment boolean default false,
  add usecrmformforcontact boolean default false, add usecrmformforemail boolean default false, add usecrmformfortask boolean default false,
  add useimagestrips boolean default true, add userprofile text, add visualizationpanelayout int, add workdaystarttime text,
  add workdaystoptime text;

-- Addresses that a person left unresolved.
create table crm.unresolvedaddress (
  unresolvedaddressid uuid primary key default gen_random_uuid(), emailaddress text, fullname text, createdon timestamptz not null default now(),
  modifiedon timestamptz not null default now(), createdby uuid, modifiedby uuid
);

-- Which properties of an item are synchronized in which direction, and the profiles that users have of it.
create table crm.syncattributemappingprofile (
  syncattributemappingprofileid uuid primary key default gen_random_uuid(), name text, isdefault boolean default false,
  createdon timestamptz not null default now(), modifiedon timestamptz not null default now(), createdby uuid, modifiedby uuid
);
create table crm.syncattributemapping (
  syncattributemappingid uuid primary key default gen_random_uuid(), syncattributemappingprofileid uuid, mappingname text, attributecrmname text,
  attributeexchangename text, entitytypecode int, syncdirection int, defaultsyncdirection int, allowedsyncdirection int, iscomputed boolean default false,
  parentsyncattributemappingid uuid, createdon timestamptz not null default now(), modifiedon timestamptz not null default now(), createdby uuid, modifiedby uuid
);

alter table crm.organization add createdon timestamptz not null default now(), add modifiedon timestamptz not null default now(), add createdby uuid, add modifiedby uuid;

-- Users are made with their parts of a name over the Web API, and with the whole name elsewhere.
alter table crm.systemuser alter fullname set default '';
create function crm.name_user() returns trigger language plpgsql as $$
begin
  new.fullname := btrim(concat_ws(' ', new.firstname, new.middlename, new.lastname));
  return new;
end $$;
create trigger user_named before insert on crm.systemuser for each row
  when (new.fullname = '' and (new.firstname is not null or new.lastname is not null)) execute function crm.name_user();
create trigger user_renamed before update on crm.systemuser for each row
  when ((new.firstname, new.middlename, new.lastname) is distinct from (old.firstname, old.middlename, old.lastname)) execute function crm.name_user();

-- A contact's company may be a contact, too. Whoever is deleted is nobody's company any more.
alter table crm.contact drop constraint contact_parentcustomerid_fkey;
create index contact_parentcustomer on crm.contact (parentcustomerid) where parentcustomerid is not null;
create function crm.customer_deleted() returns trigger language plpgsql as $$
begin
  execute format('update crm.contact set parentcustomerid = null where parentcustomerid in (select %I from old_rows)', tg_argv[0]);
  return null;
end $$;
create trigger customer_deleted after delete on crm.account referencing old table as old_rows for each statement execute function crm.customer_deleted('accountid');
create trigger customer_deleted after delete on crm.contact referencing old table as old_rows for each statement execute function crm.customer_deleted('contactid');

create unique index systemuser_azureactivedirectoryobjectid on crm.systemuser (azureactivedirectoryobjectid) where azureactivedirectoryobjectid is not null;
create unique index contact_externaluseridentifier on crm.contact (externaluseridentifier) where externaluseridentifier is not null;

-- Parties, attachments and queue items belong to activities of any table now, and go with them.
alter table crm.activityparty drop constraint activityparty_activityid_fkey;
alter table crm.activitymimeattachment drop constraint activitymimeattachment_objectid_fkey;
alter table crm.queueitem drop constraint queueitem_objectid_fkey;
create index queueitem_object on crm.queueitem (objectid);
create function crm.activity_deleted() returns trigger language plpgsql as $$
begin
  delete from crm.activityparty using old_rows gone where activityparty.activityid = gone.activityid;
  delete from crm.activitymimeattachment using old_rows gone where activitymimeattachment.objectid = gone.activityid;
  delete from crm.queueitem using old_rows gone where queueitem.objectid = gone.activityid;
  delete from crm.annotation using old_rows gone where annotation.objectid = gone.activityid;
  return null;
end $$;
create index annotation_object on crm.annotation (objectid) where objectid is not null;

-- An attachment's number and size, where whoever wrote it left them out.
alter table crm.activitymimeattachment alter filename set default '', alter mimetype set default 'application/octet-stream';
create function crm.attachment_written() returns trigger language plpgsql as $$
begin
  new.attachmentnumber := coalesce(new.attachmentnumber, 1 + (select max(attachmentnumber) from crm.activitymimeattachment where objectid = new.objectid), 1);
  new.filesize := coalesce((select size from crm.content where content.hash = new.hash), 0);
  return new;
end $$;
create trigger attachment_inserted before insert on crm.activitymimeattachment for each row
  when (new.attachmentnumber is null or new.filesize is null) execute function crm.attachment_written();
create trigger attachment_updated before update of hash on crm.activitymimeattachment for each row
  when (new.hash is distinct from old.hash) execute function crm.attachment_written();

-- Names that Dynamics lets be empty.
alter table crm.account alter name drop not null;
alter table crm.queue alter name drop not null;
create or replace view crm.addressee (id, type, name, active, ownerid, donotemail, addresses) as
  select systemuserid, 'systemuser', fullname, not isdisabled, null::uuid, false, array[internalemailaddress, personalemailaddress, mobilealertemail] || aliases from crm.systemuser
  union all
  select queueid, 'queue', coalesce(name, ''), statecode = 0, ownerid, false, array[emailaddress] || aliases from crm.queue
  union all
  select accountid, 'account', coalesce(name, ''), statecode = 0, ownerid, donotemail, array[emailaddress1, emailaddress2, emailaddress3] || aliases from crm.account
  union all
  select contactid, 'contact', fullname, statecode = 0, ownerid, donotemail, array[emailaddress1, emailaddress2, emailaddress3] || aliases from crm.contact
  union all
  select leadid, 'lead', coalesce(nullif(fullname, ''), companyname, ''), statecode = 0, ownerid, donotemail, array[emailaddress1, emailaddress2, emailaddress3] || aliases from crm.lead;

-- Rows of the address index keep their identity while a record keeps the address in the column, so that only what is new is told as changed.
alter table crm.emailsearch add emailsearchid uuid generated always as (md5(parentobjectid::text || '/' || emailcolumnnumber::text)::uuid) stored;
create index emailsearch_emailsearchid on crm.emailsearch (emailsearchid);
create or replace function crm.keep_addresses() returns trigger language plpgsql as $$
declare
  found_addresses constant text := format(
    'select one.id, one.type, found.number::smallint, crm.address_key(found.address), one.name, one.active, one.ownerid, one.donotemail
     from new_rows new
       join crm.addressee one on one.id = new.%I and one.type = %L
       cross join unnest(one.addresses) with ordinality found (address, number)
     -- Longer than an address can be stored on an email: never equal to one, and too long for an index.
     where length(crm.address_key(found.address)) between 1 and 200', tg_argv[0], tg_table_name);
begin
  if tg_op = 'DELETE' then
    execute format('delete from crm.emailsearch index using old_rows old where index.parentobjectid = old.%I', tg_argv[0]);
    return null;
  end if;
  if tg_op = 'UPDATE' then
    execute format(
      'delete from crm.emailsearch index using old_rows old where index.parentobjectid = old.%I
       and not exists (select from (%s) kept where kept.id = index.parentobjectid and kept.number = index.emailcolumnnumber)', tg_argv[0], found_addresses);
  end if;
  execute
    'insert into crm.emailsearch (parentobjectid, parentobjecttypecode, emailcolumnnumber, emailaddress, parentobjectname, active, ownerid, donotemail) '
    || found_addresses ||
    ' on conflict (parentobjectid, emailcolumnnumber) do update set emailaddress = excluded.emailaddress, parentobjectname = excluded.parentobjectname,
        active = excluded.active, ownerid = excluded.ownerid, donotemail = excluded.donotemail
      where (emailsearch.emailaddress, emailsearch.parentobjectname, emailsearch.active, emailsearch.ownerid, emailsearch.donotemail)
        is distinct from (excluded.emailaddress, excluded.parentobjectname, excluded.active, excluded.ownerid, excluded.donotemail)';
  return null;
end $$;

-- The hashes of smart matching as Dynamics shows them.
create view crm.emailhashrow (emailhashid, activityid, hash, at, versionnumber) as
  select md5(hashed.activityid::text || '/' || hashed.hash::text)::uuid, hashed.activityid, hashed.hash, hashed.at, email.versionnumber
  from crm.emailhash hashed join crm.email using (activityid);

-- A new version for a row that is written, in the transaction that writes it.
create function crm.row_written() returns trigger language plpgsql as $$
begin
  new.versionnumber := nextval('crm.rowversion');
  return new;
end $$;
create function crm.row_changed() returns trigger language plpgsql as $$
begin
  new.versionnumber := nextval('crm.rowversion');
  new.changedin := pg_current_xact_id();
  return new;
end $$;
create function crm.dated_row_changed() returns trigger language plpgsql as $$
begin
  new.versionnumber := nextval('crm.rowversion');
  new.changedin := pg_current_xact_id();
  new.modifiedon := now();
  return new;
end $$;
create function crm.rows_deleted() returns trigger language plpgsql as $$
begin
  execute format(
    'insert into crm.deletedrow (tablename, rowid) select %L, %I from old_rows
     on conflict (tablename, rowid) do update set deletedin = excluded.deletedin, deletedon = excluded.deletedon', tg_table_name, tg_argv[0]);
  return null;
end $$;

-- Emails count themselves: see below.
alter table crm.email alter versionnumber set default nextval('crm.rowversion');
do $$
declare
  one record;
begin
  for one in
    select tables.relname as name, keys.attname as key,
      exists (select from pg_attribute where attrelid = tables.oid and attname = 'modifiedon') as dated, tables.relname <> all(array['mailboxstatistics', 'queuemembership']) as told
    from pg_class tables join pg_namespace on pg_namespace.oid = relnamespace
      join pg_attribute keys on keys.attrelid = tables.oid
    where nspname = 'crm' and relkind = 'r' and (keys.attname = tables.relname || 'id'
        and tables.relname not in ('activityparty')
      or keys.attname = 'activityid' and tables.relname in ('appointment', 'campaignresponse', 'email', 'fax', 'letter', 'phonecall', 'recurringappointmentmaster', 'serviceappointment', 'task')
      or keys.attname = 'systemuserid' and tables.relname = 'usersettings' or keys.attname = 'ruleid' and tables.relname = 'recurrencerule')
    order by tables.relname
  loop
    if one.name <> 'email' then
      execute format('alter table crm.%I add versionnumber bigint not null default nextval(''crm.rowversion'')', one.name);
      execute format('create trigger row_changed before update on crm.%I for each row execute function crm.%I()',
        one.name, case when not one.told then 'row_written' when one.dated then 'dated_row_changed' else 'row_changed' end);
    end if;
    if one.told then
      execute format('alter table crm.%I add changedin xid8 not null default pg_current_xact_id()', one.name);
      execute format('create index %I on crm.%I (changedin)', one.name || '_changedin', one.name);
      execute format('create trigger rows_deleted after delete on crm.%I referencing old table as old_rows for each statement execute function crm.rows_deleted(%L)', one.name, one.key);
    end if;
    if one.key = 'activityid' then
      execute format('create trigger activity_deleted after delete on crm.%I referencing old table as old_rows for each statement execute function crm.activity_deleted()', one.name);
    end if;
  end loop;
end $$;

-- Parties are told with their activities, which is why they have a version only.
alter table crm.activityparty add versionnumber bigint not null default nextval('crm.rowversion');
create trigger row_changed before update on crm.activityparty for each row execute function crm.row_written();

-- As before, with the common count. An email without a subject has an empty one.
create or replace function crm.email_written() returns trigger language plpgsql as $$
begin
  new.subject := coalesce(new.subject, '');
  if tg_op = 'INSERT' then
    if new.statuscode = 6 then
      new.sendgeneration := greatest(new.sendgeneration, 1);
      perform pg_notify('crm_email_pending', '');
    end if;
    return new;
  end if;
  new.versionnumber := nextval('crm.rowversion');
  new.changedin := pg_current_xact_id();
  new.modifiedon := now();
  if new.statuscode = 6 and old.statuscode <> 6 then
    new.sendgeneration := old.sendgeneration + case when old.statuscode = 7 then 0 else 1 end;
    perform pg_notify('crm_email_pending', '');
  end if;
  return new;
end $$;
drop trigger email_inserted on crm.email;
create trigger email_inserted before insert on crm.email for each row when (new.statuscode = 6 or new.subject is null) execute function crm.email_written();

-- Every activity with what all have in common.
do $$
declare
  shared text := 'activityid, activityadditionalparams, actualdurationminutes, actualend, actualstart, community, createdby, createdon, createdonbehalfby, '
    || 'deliverylastattemptedon, deliveryprioritycode, description, exchangeitemid, exchangeweblink, instancetypecode, isbilled, ismapiprivate, '
    || 'isregularactivity, isworkflowcreated, lastonholdtime, leftvoicemail, modifiedby, modifiedon, modifiedonbehalfby, onholdtime, ownerid, '
    || 'owneridtype, postponeactivityprocessinguntil, prioritycode, processid, regardingobjectid, regardingobjecttypecode, '
    || 'scheduleddurationminutes, scheduledend, scheduledstart, sendermailboxid, senton, seriesid, sortdate, stageid, statecode, statuscode, '
    || 'subject, timezoneruleversionnumber, traversedpath, utcconversiontimezonecode, versionnumber';
begin
  execute (
    select format('create view crm.activitypointer (activitytypecode, %s) as ', shared)
      || string_agg(format('select %L, %s from crm.%I', name, case name when 'email' then replace(shared, ' description,', ' crm.description_of(descriptionhash, plaintexthash),') else shared end, name), ' union all ')
    from unnest(array['appointment', 'campaignresponse', 'email', 'fax', 'letter', 'phonecall', 'recurringappointmentmaster', 'serviceappointment', 'task']) one (name));
end $$;
