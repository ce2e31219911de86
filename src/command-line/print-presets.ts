import type { Configuration } from "../config.ts";
import { PRESET_NAMES, type Preset, type PresetEndpoint, type PresetName, presetOf } from "../model/presets.ts";

/** A preset with its name, as `waypost presets` tells it. */
export interface NamedPreset extends Preset {
  readonly name: PresetName;
}

export function allPresets(): readonly NamedPreset[] {
  return PRESET_NAMES.map((name) => ({ name, ...presetOf(name) }));
}

/** What each preset fills in, for a person. */
export function presetLines(presets: readonly NamedPreset[]): string[] {
  return [
    ...presets.flatMap((preset) => [
      `${preset.name}  (${preset.title})`,
      `  incoming: ${settings({ protocol: "imap", ...ownHost(preset.incoming) })}`,
      `  outgoing: ${settings({ protocol: "smtp", ...ownHost(preset.outgoing) })}`,
      ...(Object.keys(preset.profile).length > 0 ? [`  ${settings(preset.profile)}`] : []),
      ...(preset.page === null ? [] : [`  to be set up on the server: docs/mail-systems/${preset.page}`]),
    ]),
    "Write `preset: name` into a server profile; what the profile says itself wins.",
  ];
}

function ownHost(endpoint: PresetEndpoint): PresetEndpoint & { readonly host: string } {
  return { ...endpoint, host: endpoint.host ?? "(your own)" };
}

/** The server profiles of a checked configuration as they are in force, presets and defaults included. */
export function profileLines(profiles: Configuration["serverProfiles"]): string[] {
  return profiles.flatMap(({ name, preset, incoming, outgoing, serviceAccount, oauth, ...profile }) => [
    `${name}${preset === undefined ? "" : `  (preset ${preset})`}`,
    ...(incoming ? [`  incoming: ${settings(incoming)}`] : []),
    ...(outgoing ? [`  outgoing: ${settings(outgoing)}`] : []),
    ...(serviceAccount ? [`  serviceAccount: ${settings(serviceAccount)}`] : []),
    ...(oauth ? [`  oauth: ${settings(oauth)}`] : []),
    `  ${settings(profile)}`,
  ]);
}

/** In the words of the file, so that it can be written there. */
function settings(fields: object): string {
  return Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${key}: ${setting(value)}`)
    .join(", ");
}

function setting(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(setting).join(", ")}]`;
  return typeof value === "object" && value !== null ? `{ ${settings(value)} }` : String(value);
}
