import { killsWhileDeleting } from "./delete.ts";

killsWhileDeleting("pglite", "pop3");
