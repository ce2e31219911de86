import { fileURLToPath } from "node:url";
import { onBothEngines } from "../../test/databases.ts";
import { schemaText } from "./schema-text.ts";

// After a wanted change: node --test --test-update-snapshots src/database/schema.test.ts
onBothEngines("the migrations make the schema that schema.txt shows", async (database, context) => {
  const text = await schemaText(database);
  context.assert.fileSnapshot(text, fileURLToPath(new URL("./schema.txt", import.meta.url)), { serializers: [(value: string) => value] });
});
