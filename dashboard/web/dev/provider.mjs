// An OpenID provider for tests: `oidc-provider`, which is certified, with people who are signed in already.
//   node dev/provider.mjs --port N --cert FILE --key FILE --back URL [--seconds N]
// Who somebody is there says the cookie `person` of the browser; nobody of that name has groups.

import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { parseArgs } from 'node:util';
import Provider from 'oidc-provider';

const { values: options } = parseArgs({
  options: {
    port: { type: 'string' },
    cert: { type: 'string' },
    key: { type: 'string' },
    // Where browsers are sent back to; may be given several times.
    back: { type: 'string', multiple: true },
    // How long an ID token is good.
    seconds: { type: 'string', default: '3600' },
  },
});
const seconds = Number(options.seconds);
const client = (client_id) => ({
  client_id,
  client_secret: 'hush',
  redirect_uris: options.back,
  post_logout_redirect_uris: options.back,
  grant_types: ['authorization_code', 'refresh_token'],
  response_types: ['code'],
});

const provider = new Provider(`https://127.0.0.1:${options.port}`, {
  // The API server trusts the tokens of the first one only.
  clients: [client('gimlet'), client('stranger')],
  scopes: ['openid', 'email', 'groups', 'offline_access'],
  claims: { openid: ['sub'], email: ['email', 'email_verified'], groups: ['groups'] },
  // The API server reads the ID token and nothing else.
  conformIdTokenClaims: false,
  pkce: { required: () => true },
  cookies: { keys: [randomBytes(16).toString('hex')] },
  features: { devInteractions: { enabled: false } },
  interactions: { url: (_, { uid }) => `/interaction/${uid}` },
  // It would take the scope offline_access only from who is asked for consent each time.
  issueRefreshToken: async (_, asking) => asking.grantTypeAllowed('refresh_token'),
  rotateRefreshToken: true,
  ttl: {
    IdToken: seconds,
    AccessToken: seconds,
    RefreshToken: 86_400,
    Grant: 86_400,
    Session: 86_400,
    Interaction: 600,
  },
  findAccount: (_, sub) => ({
    accountId: sub,
    claims: () => ({
      sub,
      email: `${sub}@example.com`,
      email_verified: true,
      ...(sub === 'nobody' ? {} : { groups: ['dev', sub] }),
    }),
  }),
});

/** Answers what the provider wants to know of somebody: they are signed in, and agree. */
async function agree(request, response) {
  const accountId = /(?:^|;\s*)person=(\w+)/.exec(request.headers.cookie ?? '')?.[1];
  const { params } = await provider.interactionDetails(request, response);
  if (!accountId) {
    const refusal = { error: 'access_denied', error_description: 'nobody is signed in at the provider' };
    return provider.interactionFinished(request, response, refusal);
  }
  const grant = new provider.Grant({ accountId, clientId: params.client_id });
  grant.addOIDCScope(params.scope);
  const grantId = await grant.save();
  await provider.interactionFinished(request, response, { login: { accountId }, consent: { grantId } });
}

provider.on('server_error', (_, error) => console.error(error));
const answer = provider.callback();
createServer({ cert: readFileSync(options.cert), key: readFileSync(options.key) }, (request, response) => {
  if (!request.url.startsWith('/interaction/')) return answer(request, response);
  agree(request, response).catch((error) => {
    console.error(error);
    response.writeHead(500).end(String(error));
  });
}).listen(Number(options.port), '127.0.0.1', () => console.log('ready'));
