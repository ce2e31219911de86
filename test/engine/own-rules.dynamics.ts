/**
 * With Dynamics the rules here decide as well (`decides: waypost`): suites in which much hangs on the filters, for which more is read there than where Dynamics is asked. Named
 * like no test file, because it says something of its own only in the stage `dynamics`.
 */

process.env.WAYPOST_TEST_DECIDES = "waypost";
// Only now: the setting is read when they are loaded.
await import("./receive-answers.test.ts");
await import("./receive-mailboxes.test.ts");
