import { killsWhileSending } from "./send.ts";

killsWhileSending("pglite", "waypost");
