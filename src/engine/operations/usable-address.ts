import { addressKey, MAXIMUM_ADDRESS_LENGTH } from "../../model/address.ts";
import { Failure } from "../../model/failure.ts";
import { quote } from "../../tracking/sentence.ts";

/** Key form of an address that a record can have. Throws a Failure for what is none. */
export function usableKey(address: string): string {
  const key = addressKey(address);
  if (/^[^\p{Cc}\p{Z}<>@]+@[^\p{Cc}\p{Z}<>@]+$/u.test(key) && key.length <= MAXIMUM_ADDRESS_LENGTH) return key;
  throw new Failure({
    scope: "item",
    code: "address not usable",
    message: `${quote(address)} is no e-mail address.`,
    remedy: "Give one address like carla@customer.example, as it stands on emails.",
    waitingHelps: false,
  });
}
