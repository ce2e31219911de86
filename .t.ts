import { makeSample } from "./test/e2e/sample.ts";
import { startBrowser, picture } from "./test/e2e/browser.ts";
import { startServer } from "./src/server/server.ts";
import { createMetrics } from "./src/server/metrics.ts";
await using s = await makeSample("http://127.0.0.1:9");
const log = { debug() {}, info() {}, warn: console.warn, error: console.error };
const server = await startServer({ ...s.app, metrics: createMetrics(), log, host: "127.0.0.1", port: 0 });
const b = await startBrowser();
for (const [name, options] of [["desktop",{viewport:{width:1280,height:900}}],["phone",{viewport:{width:375,height:740},isMobile:true,deviceScaleFactor:2,hasTouch:true,colorScheme:"dark"}],["dark",{viewport:{width:1280,height:900},colorScheme:"dark"}]] as const) {
const c = await b.newContext(options as any);
const p = await c.newPage();
p.on("request", r => { if (!r.url().startsWith(server.url)) console.log("OUT", r.url()); });
p.on("console", m => console.log("console", m.text()));
await p.goto(server.url + "/"); await picture(p, name+"-401");
await p.goto(server.oneTimeLink()); await picture(p, name+"-enter");
await p.getByRole("button",{name:"Enter"}).click();
await picture(p, name+"-overview");
await p.goto(server.url+"/emails"); await picture(p, name+"-emails");
await p.goto(server.url+"/emails/"+s.attackId); await p.locator("iframe").scrollIntoViewIfNeeded(); await p.waitForTimeout(500); await p.screenshot({path:"test-results/"+name+"-frame.png"}); await picture(p, name+"-attack");
await p.goto(server.url+"/emails/"+s.unknownId); await picture(p, name+"-unknown");
await p.goto(server.url+"/records/account/"+s.accountId); await picture(p, name+"-account");
await p.goto(server.url+"/decisions"); await picture(p, name+"-decisions");
await p.goto(server.url+"/decisions/2"); await picture(p, name+"-decision2");
await p.goto(server.url+"/decisions/6"); await picture(p, name+"-decision6");
await p.goto(server.url+"/decisions/99"); await picture(p, name+"-404");
console.log(name, await p.evaluate("document.documentElement.scrollWidth"));
}
await b.close();
await server.close();
