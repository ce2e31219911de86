import type { Sql } from "../database/database.ts";
import { APPROVAL } from "../ledger/approvals.ts";
import { METHOD } from "../ledger/mailboxes.ts";
import { STATUS } from "../model/email.ts";

/** How things stand at this moment, as numbers. */
export interface Standing {
  /** In Pending Send, and their time has come. */
  readonly pendingEmails: number;
  readonly unknownEmails: number;
  readonly quarantined: number;
  readonly openAlerts: number;
  /** States as `waypost status` names them. */
  readonly mailboxes: readonly {
    readonly direction: "receive" | "send";
    readonly state: "works" | "new" | "failing" | "off";
    readonly count: number;
  }[];
  /** Connections to mail servers by server profile: what may be, what is, and who waits. */
  readonly connections: readonly {
    readonly profile: string;
    readonly limit: number;
    readonly working: number;
    readonly watching: number;
    readonly waiting: number;
  }[];
  readonly jobs: readonly { readonly queue: string; readonly state: "waiting" | "running"; readonly count: number }[];
}

/** Cheap enough to be asked every few seconds: it leaves the tables of messages and emails alone but for what is open in them. */
export async function readStanding(sql: Sql): Promise<Standing> {
  const numbers = await sql.query<Omit<Standing, "mailboxes" | "jobs" | "connections">>(
    `select (select count(*) from crm.email where statuscode = ${STATUS.pendingSend}
         and coalesce(greatest(delayedemailsendtime, postponeemailprocessinguntil), createdon) <= now()) as "pendingEmails",
       (select count(*) from waypost.outbox where stage = 'unknown') as "unknownEmails",
       (select count(*) from waypost.quarantine where closed_at is null) as quarantined,
       (select count(*) from waypost.alert where closed_at is null) as "openAlerts"`,
  );
  const mailboxes = await sql.query<Standing["mailboxes"][number]>(
    `select direction, case
         when not active or (approval_required and approval <> ${APPROVAL.approved}) or (require_test and not enabled) or method <> ${METHOD.waypost} or endpoint is null then 'off'
         when error is not null then 'failing' when done_at is null then 'new' else 'works' end as state, count(*)
     from waypost.mailbox join waypost.server_profile profile on profile.name = mailbox.profile
       cross join lateral (values ('receive', incoming_method, profile.incoming, receive_error, received_at, enabled_for_incoming),
         ('send', outgoing_method, profile.outgoing, send_error, sent_at, enabled_for_outgoing)) as way (direction, method, endpoint, error, done_at, enabled)
     group by 1, 2 order by 1, 2`,
  );
  const connections = await sql.query<Standing["connections"][number]>(
    `select name as profile, max_concurrent_connections as "limit",
       (select count(*) from waypost.connection where profile = name and use <> 'watch') as working,
       (select count(*) from waypost.connection where profile = name and use = 'watch') as watching,
       (select count(*) from waypost.connection_line where profile = name) as waiting
     from waypost.server_profile where exists (select from waypost.mailbox where profile = name and active) order by name`,
  );
  const jobs = await sql.query<Standing["jobs"][number]>(
    `select name as queue, 'waiting' as state, count(*) from pgboss.job where state = 'created' group by name
     union all select queue, 'running', count(*) from waypost.running_job group by queue order by 1, 2`,
  );
  const [first] = numbers.rows;
  if (!first) throw new Error("A statement without FROM gave no row.");
  return { ...first, mailboxes: mailboxes.rows, connections: connections.rows, jobs: jobs.rows };
}
