import { readFileSync } from "node:fs";
import { discover } from "../discovery/discover.ts";
import type { Found } from "../discovery/found.ts";
import { Failure } from "../model/failure.ts";
import { trustIn } from "../wire/trust.ts";
import { type NetworkOptions, networkWorld } from "./discovery-network.ts";

export interface DiscoverServersOptions extends Omit<NetworkOptions, "trust"> {
  readonly askIspdb?: boolean;
  /** PEM file with authorities to trust beside the system's. */
  readonly certificateAuthorities?: string | undefined;
  readonly stepTimeout?: number;
}

/** Finds the mail servers of an address (`discover` in src/discovery) by this machine's network. */
export async function discoverServers(address: string, options: DiscoverServersOptions = {}): Promise<Found> {
  const { askIspdb = false, certificateAuthorities, stepTimeout, ...network } = options;
  const world = networkWorld({ ...network, trust: trustFrom(certificateAuthorities) });
  return await discover(address, world, { askIspdb, ...(stepTimeout !== undefined && { stepTimeout }) });
}

function trustFrom(file: string | undefined) {
  const trust = trustIn(file === undefined ? null : readText(file));
  if (trust !== null) return trust;
  throw unreadable(`${file} holds no certificates in PEM`);
}

function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw unreadable(`${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function unreadable(why: string): Failure {
  return new Failure({
    scope: "process",
    code: "certificate authorities not readable",
    message: `The file with certificate authorities is of no use: ${why}.`,
    remedy: "Name a PEM file whose certificates begin with -----BEGIN CERTIFICATE-----.",
    waitingHelps: false,
  });
}
