import { killsWhileReceiving } from "./receive.ts";

killsWhileReceiving("postgres");
