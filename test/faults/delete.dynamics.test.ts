import { killsWhileDeleting } from "./delete.ts";

killsWhileDeleting("pglite", "imap", { decides: "waypost" });
