import type { ApiAnswer } from "../../src/crm/webapi/exchange.ts";
import type { StepName } from "../../src/engine/step.ts";
import type { Asked, WebApiHook } from "../../src/server/web-api-hook.ts";
import type { Service } from "./service.ts";

/** A moment between two steps: the CRM elsewhere has done what it was asked for, and its answer reaches nobody. */
export interface RequestMoment {
  readonly name: string;
  /** The step of its way that the process has passed last; default any, where several mailboxes are worked on at a time. */
  readonly after?: StepName;
  /** Method, path and what is answered, in one text. */
  readonly request: RegExp;
  /** Which of those that match; default the first. */
  readonly nth?: number;
}

/** Kills a process with SIGKILL at such a moment. */
export class RequestKills implements WebApiHook {
  #planned: { readonly service: Service; readonly moment: RequestMoment; left: number } | null = null;

  plan(service: Service, moment: RequestMoment): void {
    this.#planned = { service, moment, left: moment.nth ?? 1 };
  }

  async around(asked: Asked, next: () => Promise<ApiAnswer>): Promise<ApiAnswer | "cut"> {
    const answer = await next();
    const planned = this.#planned;
    if (planned === null || !isAt(planned.moment, planned.service, asked, answer) || --planned.left > 0) return answer;
    this.#planned = null;
    await planned.service.kill();
    return "cut";
  }
}

function isAt({ after, request }: RequestMoment, service: Service, { method, path }: Asked, { body }: ApiAnswer): boolean {
  const told = typeof body === "string" ? body : JSON.stringify(body ?? "");
  return request.test(`${method} ${path} ${told}`) && (after === undefined || lastOfWay(service, after) === after);
}

/** The last step of its way: mail is read beside the sending. */
function lastOfWay(service: Service, step: StepName): string | undefined {
  const [way = ""] = step.split(".");
  return service.steps().findLast(({ name }) => name.startsWith(way))?.name;
}
