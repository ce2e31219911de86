/** How the application proves to a sign-in service that it is itself (RFC 6749 2.3.1; RFC 7523 for keys). */
import { createHash, createPrivateKey, webcrypto, X509Certificate } from "node:crypto";
import * as oauth from "oauth4webapi";
import { type Holder, oauthFailure } from "./failures.ts";
import type { ClientProof, OauthSettings } from "./settings.ts";

/** @throws Failure where a key or a certificate cannot be read */
export async function clientAuthentication(proof: ClientProof, settings: OauthSettings, holder: Holder): Promise<oauth.ClientAuth> {
  switch (proof.kind) {
    case "none":
      return oauth.None();
    case "secret":
      return oauth.ClientSecretPost(proof.secret);
    case "key":
      try {
        return await byKey(proof.key, proof.certificate, settings);
      } catch {
        // The reason could quote the key.
        throw oauthFailure("private key not usable", settings, holder);
      }
  }
}

async function byKey(pem: string, certificate: string | null, { assertion, tokenEndpoint }: OauthSettings): Promise<oauth.ClientAuth> {
  const der = createPrivateKey(pem).export({ type: "pkcs8", format: "der" });
  const name = assertion.algorithm === "PS256" ? "RSA-PSS" : "RSASSA-PKCS1-v1_5";
  const key = await webcrypto.subtle.importKey("pkcs8", der, { name, hash: "SHA-256" }, false, ["sign"]);
  const thumbprint = certificate === null ? null : createHash("sha256").update(new X509Certificate(certificate).raw).digest("base64url");
  return oauth.PrivateKeyJwt(key, {
    [oauth.modifyAssertion]: (header, payload) => {
      // RFC 7515 4.1.8: by the certificate the service finds the public key.
      if (thumbprint !== null) header["x5t#S256"] = thumbprint;
      if (assertion.audience === "token endpoint") payload.aud = tokenEndpoint;
    },
  });
}
