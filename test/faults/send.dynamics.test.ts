import { killsWhileSending } from "./send.ts";

killsWhileSending("pglite", { decides: "waypost" });
killsWhileSending("pglite", { decides: "waypost", behaviour: { changesCompletedStatus: false } });
