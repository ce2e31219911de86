import path from "node:path";
import type { SecretReference } from "./fields.ts";
import type { DataverseConfiguration, EmbeddedConfiguration } from "./organizations.ts";
import type { Configuration } from "./schema.ts";

/** The configuration with the paths of files and folders taken from the folder `base`. */
export function withAbsolutePaths(configuration: Configuration, base: string): Configuration {
  const absolute = (file: string) => path.resolve(base, file);
  const secretFile = (one: SecretReference): SecretReference => ("file" in one ? { file: absolute(one.file) } : one);
  const { database } = configuration;
  return {
    ...configuration,
    ...(configuration.key && { key: secretFile(configuration.key) }),
    database: "folder" in database ? { folder: absolute(database.folder) } : { ...database, url: secretFile(database.url) },
    organizations: configuration.organizations.map((one) =>
      one.kind === "dataverse" ? withAbsoluteSignIn(one, absolute) : withAbsoluteKeys(one, absolute),
    ),
    serverProfiles: configuration.serverProfiles.map((profile) => ({
      ...profile,
      ...(profile.incoming && { incoming: withAuthorities(profile.incoming, absolute) }),
      ...(profile.outgoing && { outgoing: withAuthorities(profile.outgoing, absolute) }),
      ...(profile.serviceAccount && {
        serviceAccount: { ...profile.serviceAccount, password: secretFile(profile.serviceAccount.password) },
      }),
      ...(profile.oauth && { oauth: withAbsoluteOauth(profile.oauth, absolute) }),
    })),
    mailboxes: configuration.mailboxes.map((mailbox) => ({
      ...mailbox,
      ...(mailbox.password && { password: secretFile(mailbox.password) }),
    })),
  };
}

function withAbsoluteKeys(one: EmbeddedConfiguration, absolute: (file: string) => string): EmbeddedConfiguration {
  const { authority } = one.webApi;
  if (!authority) return one;
  const keysFile = authority.keysFile === undefined ? {} : { keysFile: absolute(authority.keysFile) };
  return { ...one, webApi: { ...one.webApi, authority: { ...withAuthorities(authority, absolute), ...keysFile } } };
}

function withAbsoluteSignIn(one: DataverseConfiguration, absolute: (file: string) => string): DataverseConfiguration {
  const secretFile = (reference: SecretReference): SecretReference =>
    "file" in reference ? { file: absolute(reference.file) } : reference;
  const { application, adfs, windows } = one;
  return {
    ...withAuthorities(one, absolute),
    ...(application && {
      application: {
        ...application,
        ...(application.clientSecret && { clientSecret: secretFile(application.clientSecret) }),
        ...(application.privateKey && { privateKey: secretFile(application.privateKey) }),
        ...(application.certificate !== undefined && { certificate: absolute(application.certificate) }),
      },
    }),
    ...(adfs && {
      adfs: {
        ...adfs,
        password: secretFile(adfs.password),
        ...(adfs.clientSecret && { clientSecret: secretFile(adfs.clientSecret) }),
      },
    }),
    ...(windows && { windows: { ...windows, password: secretFile(windows.password) } }),
  };
}

type Oauth = NonNullable<Configuration["serverProfiles"][number]["oauth"]>;

function withAbsoluteOauth(one: Oauth, absolute: (file: string) => string): Oauth {
  const secretFile = (reference: SecretReference): SecretReference =>
    "file" in reference ? { file: absolute(reference.file) } : reference;
  return {
    ...withAuthorities(one, absolute),
    ...(one.clientSecret && { clientSecret: secretFile(one.clientSecret) }),
    ...(one.privateKey && { privateKey: secretFile(one.privateKey) }),
    ...(one.certificate !== undefined && { certificate: absolute(one.certificate) }),
  };
}

function withAuthorities<T extends { certificateAuthorities?: string | undefined }>(one: T, absolute: (file: string) => string): T {
  return one.certificateAuthorities === undefined ? one : { ...one, certificateAuthorities: absolute(one.certificateAuthorities) };
}
