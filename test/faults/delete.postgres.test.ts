import { killsWhileDeleting } from "./delete.ts";

killsWhileDeleting("postgres", "imap");
