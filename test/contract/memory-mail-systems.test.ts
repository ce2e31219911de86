import { mailSenderContract } from "./mail-sender.contract.ts";
import { mailSourceContract } from "./mail-source.contract.ts";
import { exchangeKind } from "./memory/exchange-kind.ts";
import { graphKind } from "./memory/graph-kind.ts";
import { labelKind } from "./memory/label-kind.ts";
import { memorySenderRig, memoryServerRig } from "./memory/rigs.ts";

// What is still to come behaves as these do: the ports must carry it.
for (const kind of [exchangeKind, graphKind(), labelKind]) {
  mailSourceContract(`in memory, ${kind.name}`, false, () => memoryServerRig(kind), { wire: false });
  mailSenderContract(`in memory, ${kind.name}`, () => memorySenderRig(kind), { asksEachRecipient: false });
}
