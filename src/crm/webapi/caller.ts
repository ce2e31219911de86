/** How far a privilege reaches: own rows, those of the business unit, of units below it too, of everybody. */
export type Depth = "basic" | "local" | "deep" | "global";

/** Who asks: a user of the CRM with all that decides what that user sees and may do. Under impersonation: the user acted for, with the rights that both have. */
export interface Caller {
  readonly userId: string;
  /** Who is signed in and acts for that user; missing: nobody else. */
  readonly delegateId?: string;
  readonly name: string;
  readonly businessUnitId: string;
  readonly teamIds: readonly string[];
  /** By name: `prvReadActivity`. What is missing is not held. */
  readonly privileges: ReadonlyMap<string, Depth>;
}
