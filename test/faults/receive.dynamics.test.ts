import { killsWhileReceiving } from "./receive.ts";

killsWhileReceiving("pglite", { decides: "waypost" });
killsWhileReceiving("pglite", { decides: "dynamics" });
