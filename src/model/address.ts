/** One mailbox of a header: `"Ann Lee" <ann@example.test>` (RFC 5322 3.4). Groups are flattened before they become addresses. */
export interface Address {
  /** Display name, decoded; empty string when there is none. */
  readonly name: string;
  /** `local@domain` as written; compare with {@link addressKey}. */
  readonly address: string;
}

/** Longest address that the CRM stores for a party (`activityparty.addressused`, product-behaviour 4.1). */
export const MAXIMUM_ADDRESS_LENGTH = 200;

/**
 * The form in which two addresses are compared: trimmed and in lower case, as Dynamics compares them. RFC 5321 2.4 lets the
 * local part be case-sensitive; no mail system that people use makes use of it.
 */
export function addressKey(address: string): string {
  return address.trim().toLowerCase();
}

/** The part after the last `@` in lower case, or an empty string. */
export function domainOf(address: string): string {
  const at = address.lastIndexOf("@");
  return at < 0
    ? ""
    : address
        .slice(at + 1)
        .trim()
        .toLowerCase();
}
