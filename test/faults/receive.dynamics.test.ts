import { killsWhileReceiving } from "./receive.ts";

killsWhileReceiving("pglite", "waypost");
