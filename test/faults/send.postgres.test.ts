import { killsWhileSending } from "./send.ts";

killsWhileSending("postgres");
