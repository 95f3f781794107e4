use crate::fixture::{ALL_METHODS, Fixture, KEYS, SECRET};

/// Returns the error of an invalid policy.
async fn said(policy: &str) -> String {
    let fixture = Fixture::new(policy);
    fixture.write("key.pem", KEYS.ec.public_key_pem());
    fixture.write("private.pem", KEYS.ec.serialize_pem());
    fixture.write("rsa.pem", KEYS.rsa.public_key_pem());
    fixture.write("secret", SECRET);
    fixture.write("empty", "");
    fixture.write("jwks.json", r#"{"keys":[{"kty":"oct","k":"c2VjcmV0"}]}"#);
    fixture.open(ALL_METHODS).await.expect_err(policy).to_string()
}

#[tokio::test]
async fn errors_name_the_place_and_the_rule() {
    for (policy, says) in [
        ("", "no caller has api_keys"),
        ("", "no caller has certificates"),
        ("", "the policy has no issuers"),
        ("callers = 1", "line 1: callers: "),
        (
            "\n[callers.a]\nscope = []",
            "line 3: callers.a.scope: unknown field `scope`",
        ),
        ("[callers.a]", "callers.a: missing field `scopes`"),
        ("[caller.a]", "unknown field `caller`"),
        ("[callers.a]\nscopes = []\nscopes = []", "line 3: "),
        ("[callers.a]\nscopes = 'upload'", "line 2: callers.a.scopes: "),
        ("[callers.a]\nscopes = []", "callers.a.scopes: must name at least one"),
        (
            "[callers.a]\nscopes = ['upload', '*']",
            "callers.a.scopes[1]: \"*\" is not a scope",
        ),
        (
            "[callers.'a\\nb']\nscopes = ['upload']",
            "a name must have 1 to 63 characters",
        ),
        (
            "[callers.a]\nscopes = ['upload']\ntenant = '../b'",
            "callers.a.tenant: a tenant must have",
        ),
        (
            "[callers.a]\nscopes = ['upload']\nprofile = 'x'",
            "callers.a.profile: there is no [profiles.x]",
        ),
        (
            "[callers.a]\nscopes = []\napi_keys = ['dsk_A']",
            "callers.a.api_keys[0]: must be 'sha256:'",
        ),
        (
            "[callers.a]\nscopes = []\napi_keys = 'dsk_A'",
            "line 3: callers.a.api_keys: must be a list of texts",
        ),
        (
            "[callers.a]\nscopes = []\ncertificates = ['cn:a']",
            "callers.a.certificates[0]: must be 'dns:'",
        ),
        (
            "[callers.a]\nscopes = []\ncertificates = ['dns:x']\n[callers.b]\nscopes = []\ncertificates = ['dns:X']",
            "callers.b.certificates[0]: dns:X is listed before, at callers.a",
        ),
        (
            "[profiles.a]\nmax_object_bytes = 0",
            "profiles.a.max_object_bytes: must be at least 1",
        ),
        (
            "[profiles.a]\nmax_object_bytes = -1",
            "line 2: profiles.a.max_object_bytes: ",
        ),
        (
            "[profiles.a.checks.image]\nmax_frames = true",
            "line 2: profiles.a.checks.image.max_frames: ",
        ),
        (
            "[profiles.a]\nexpires = 'tomorrow'",
            "profiles.a.expires: must be a date such as",
        ),
        (
            "[profiles.a]\ncache_control = 'a,,b'",
            "profiles.a.cache_control: must be directives such as",
        ),
        (
            "[profiles.a]\nmax_draft_lifetime = 0",
            "profiles.a.max_draft_lifetime: must be at least 1",
        ),
        (
            "[profiles.a]\ncontent_types = []",
            "profiles.a.content_types: must allow something",
        ),
        (
            "[profiles.a]\ncontent_types = ['image']",
            "profiles.a.content_types[0]: \"image\" is not a media type",
        ),
        ("api_keys_file = 'nowhere'", "api_keys_file: "),
        ("api_keys_file = 'secret'", "api_keys_file: line 1"),
        ("api_keys_file = 'empty'", "no caller has api_keys"),
    ] {
        let said = said(policy).await;
        assert!(said.contains(says), "{policy}: {said}");
        assert!(!said.contains("dsk_A"), "{said}");
    }
}

#[tokio::test]
async fn destinations_that_cannot_be_used_are_named() {
    for (policy, says) in [
        ("[destinations.'a b']", "destinations.a b: must have a name of 1 to 63"),
        (
            "[destinations.a]\nbucket = 'A'",
            "destinations.a.bucket: a bucket name must have",
        ),
        (
            "[destinations.a]\nprefix = 'x'",
            "destinations.a.prefix: must have 2 to 64 characters",
        ),
        ("[destinations.a]\nclass = 'x'", "unknown field `class`"),
        (
            "[destinations.a]\nretention = { mode = 'governance', days = 0 }",
            "destinations.a.retention.days: must be 1 to",
        ),
        (
            "[profiles.a]\ndestinations = ['b']",
            "profiles.a.destinations: there is no [destinations.b]",
        ),
        (
            "[callers.a]\nscopes = ['confirm']\ndestinations = ['b']",
            "callers.a.destinations: there is no [destinations.b]",
        ),
        (
            "[destinations.b]\n[profiles.a]\ndestinations = ['b']\nauto_confirm_destination = 'b'",
            "profiles.a.auto_confirm_destination: must not be set without auto_confirm",
        ),
        (
            "[destinations.b]\n[profiles.a]\nauto_confirm = true\nauto_confirm_destination = 'b'",
            "profiles.a.auto_confirm_destination: must be one of the destinations of the profile",
        ),
    ] {
        let said = said(policy).await;
        assert!(said.contains(says), "{policy}: {said}");
    }
}

#[tokio::test]
async fn checks_without_a_usable_bound_are_named() {
    for (policy, says) in [
        (
            "[profiles.a.checks]",
            "profiles.a.checks: must have type, image, archive, clamd, tag or webhook",
        ),
        (
            "[profiles.a.checks.image]\nmax_frames = 0",
            "profiles.a.checks.image.max_frames: must be at least 1",
        ),
        (
            "[profiles.a.checks.archive]\nmax_depth = 9",
            "profiles.a.checks.archive.max_depth: must be from 1 to 8",
        ),
        (
            "[profiles.a.checks.clamd]\naddresses = [\"clamd:3310\"]\nmax_bytes = 3000000000",
            "profiles.a.checks.clamd.max_bytes: must be from 1 to 2147483647",
        ),
        (
            "[profiles.a.checks.clamd]\naddresses = []",
            "profiles.a.checks.clamd.addresses: must have at least one address",
        ),
        (
            "[profiles.a.checks.clamd]\naddresses = [\"clamd\"]",
            "\"clamd\" is not the address of a daemon: it must be HOST:PORT or unix:/PATH",
        ),
        (
            "[profiles.a.checks.tag]\nkey = ''",
            "profiles.a.checks.tag.key: must have 1 to 128 characters",
        ),
        (
            "[profiles.a.checks.tag]\naccepted = []",
            "profiles.a.checks.tag.accepted: must have at least one value",
        ),
        (
            "[profiles.a.checks.tag]\naccepted = ['CLEAN', 'FOUND']\nrefused = ['FOUND']",
            "profiles.a.checks.tag.refused: has \"FOUND\", which is accepted as well",
        ),
        (
            "[profiles.a.checks.webhook]\nscanners = []",
            "profiles.a.checks.webhook.scanners: must have 1 to 8",
        ),
        (
            "[profiles.a.checks.type]\nallow_all = true",
            "line 2: profiles.a.checks.type.allow_all: unknown field `allow_all`",
        ),
    ] {
        let said = said(policy).await;
        assert!(said.contains(says), "{policy}: {said}");
    }
}

#[tokio::test]
async fn tenants_that_overlap_are_named() {
    let caller = |name: &str, tenant: &str| format!("[callers.{name}]\nscopes = ['upload']\ntenant = '{tenant}'\n");
    let issuer = |name: &str, tenants: &str| {
        format!(
            "[issuers.{name}]\nissuer = 'urn:{name}'\naudience = 'a'\nalgorithms = ['HS256']\nsecret_file = 'secret'\n\
             scopes = ['upload']\n{tenants}\n"
        )
    };
    let claim = "tenant_claim = 'sub'";
    let under = |parent: &str| format!("tenant = '{parent}'\n{claim}");
    for (one, other, place, with) in [
        (
            caller("a", "t1"),
            caller("b", "t1/sub"),
            "callers.b.tenant",
            "callers.a.tenant",
        ),
        (
            caller("a", "t1/x/y"),
            caller("b", "t1"),
            "callers.a.tenant",
            "callers.b.tenant",
        ),
        (
            caller("a", "t1"),
            issuer("i", "tenant = 't1/i'"),
            "issuers.i.tenant",
            "callers.a.tenant",
        ),
        (
            caller("shop", "shop"),
            issuer("i", claim),
            "callers.shop.tenant",
            "issuers.i.tenant_claim",
        ),
        (
            caller("a", "x/y"),
            issuer("i", claim),
            "callers.a.tenant",
            "issuers.i.tenant_claim",
        ),
        (
            caller("a", "users"),
            issuer("i", &under("users")),
            "issuers.i.tenant_claim",
            "callers.a.tenant",
        ),
        (
            caller("a", "users/ada"),
            issuer("i", &under("users")),
            "callers.a.tenant",
            "issuers.i.tenant_claim",
        ),
        (
            caller("a", "u"),
            issuer("i", &under("u/v")),
            "issuers.i.tenant_claim",
            "callers.a.tenant",
        ),
        (
            issuer("i", claim),
            issuer("j", claim),
            "issuers.j.tenant_claim",
            "issuers.i.tenant_claim",
        ),
        (
            issuer("i", &under("u")),
            issuer("j", &under("u")),
            "issuers.j.tenant_claim",
            "issuers.i.tenant_claim",
        ),
        (
            issuer("i", claim),
            issuer("j", &under("u")),
            "issuers.j.tenant_claim",
            "issuers.i.tenant_claim",
        ),
        (
            issuer("i", &under("u")),
            issuer("j", "tenant = 'u'"),
            "issuers.j.tenant",
            "issuers.i.tenant_claim",
        ),
    ] {
        let policy = format!("{one}{other}");
        let said = said(&policy).await;
        let line = said.lines().find(|line| line.contains("overlaps with"));
        let line = line.unwrap_or_else(|| panic!("{policy} loads: {said}")).trim();
        let names_both = line.contains(place) && line.contains(with);
        assert!(names_both, "{policy}: {line}");
    }
}

#[tokio::test]
async fn tenants_beside_each_other_and_shared_ones_load() {
    let caller = |name: &str, tenant: &str| format!("[callers.{name}]\nscopes = ['upload']\ntenant = '{tenant}'\n");
    let issuer = "[issuers.i]\nissuer = 'urn:i'\naudience = 'a'\nalgorithms = ['HS256']\nsecret_file = 'secret'\n\
                  scopes = ['upload']\ntenant = 'users'\ntenant_claim = 'sub'\n";
    let callers = [
        ("a", "t1"),
        ("b", "t1"),
        ("c", "t10"),
        ("d", "t1-x"),
        ("e", "u/1"),
        ("f", "u/2"),
        ("g", "users2"),
    ];
    let policy =
        callers.map(|(name, tenant)| caller(name, tenant)).concat() + issuer + "[callers.root]\nscopes = ['admin']\n";
    let said = said(&policy).await;
    assert!(!said.contains("overlaps"), "{said}");
}

#[tokio::test]
async fn errors_of_issuers_name_the_place_and_the_rule() {
    for (lines, says) in [
        (
            "algorithms = ['RS256']",
            "issuers.i: must have exactly one of secret_file",
        ),
        (
            "algorithms = ['ES256']\npem_file = 'key.pem'\njwks_url = 'https://a/'",
            "issuers.i: must have exactly one of",
        ),
        (
            "algorithms = []\npem_file = 'key.pem'",
            "issuers.i.algorithms: must name at least one",
        ),
        (
            "algorithms = ['none']\npem_file = 'key.pem'",
            "issuers.i.algorithms[0]: must be one of HS256",
        ),
        (
            "algorithms = ['HS256']\npem_file = 'key.pem'",
            "issuers.i.algorithms: must be HS256",
        ),
        (
            "algorithms = ['HS256']\njwks_url = 'https://a/'",
            "issuers.i.algorithms: must be HS256",
        ),
        (
            "algorithms = ['ES256']\nsecret_file = 'secret'",
            "issuers.i.algorithms: must be HS256",
        ),
        (
            "algorithms = ['HS256', 'ES256']\nsecret_file = 'secret'",
            "issuers.i.algorithms: must be HS256",
        ),
        (
            "algorithms = ['HS384']\nsecret_file = 'secret'",
            "issuers.i.secret_file: must be at least 48 bytes",
        ),
        (
            "algorithms = ['HS256']\nsecret_file = 'empty'",
            "issuers.i.secret_file: must be at least 32 bytes",
        ),
        (
            "algorithms = ['HS256']\nsecret_file = 'nowhere'",
            "issuers.i.secret_file: ",
        ),
        (
            "algorithms = ['ES256']\npem_file = 'private.pem'",
            "issuers.i.pem_file: must be a public key",
        ),
        (
            "algorithms = ['ES256']\npem_file = 'rsa.pem'",
            "issuers.i.pem_file: must be a public key",
        ),
        (
            "algorithms = ['ES256', 'RS256']\npem_file = 'rsa.pem'",
            "issuers.i.pem_file: the algorithms of a PEM file",
        ),
        (
            "algorithms = ['ES256']\npem_file = 'secret'",
            "issuers.i.pem_file: must be a public key",
        ),
        (
            "algorithms = ['ES256']\njwks_file = 'jwks.json'",
            "issuers.i.jwks_file: has no public key",
        ),
        (
            "algorithms = ['ES256']\njwks_file = 'secret'",
            "issuers.i.jwks_file: must be a JWK set",
        ),
        (
            "algorithms = ['ES256']\njwks_url = 'http://127.0.0.1/'",
            "issuers.i.jwks_url: must be an https URL",
        ),
        (
            "algorithms = ['ES256']\npem_file = 'key.pem'\ntenant = '/'",
            "issuers.i.tenant: a tenant must have",
        ),
        (
            "algorithms = ['ES256']\npem_file = 'key.pem'\nprofile = 'x'",
            "issuers.i.profile: there is no",
        ),
        (
            "algorithms = ['ES256']\npem_file = 'key.pem'\nprofile_claim = 'x'",
            "issuers.i: must have either profile, or",
        ),
        (
            "algorithms = ['ES256']\npem_file = 'key.pem'\nprofile_claim = 'x'\nprofiles = ['y']",
            "issuers.i.profiles[0]: there is no [profiles.y]",
        ),
        (
            "algorithms = ['ES256']\npem_file = 'key.pem'\n[issuers.j]\nissuer = 'urn:i'\naudience = ['c', 'b']\n\
             scopes = ['upload']\nalgorithms = ['ES256']\npem_file = 'key.pem'",
            "issuers.j: has the same issuer and audience as issuers.i",
        ),
    ] {
        let policy = format!("[issuers.i]\nissuer = 'urn:i'\naudience = ['a', 'b']\nscopes = ['upload']\n{lines}\n");
        let said = said(&policy).await;
        assert!(said.contains(says), "{lines}: {said}");
    }
}

#[tokio::test]
async fn all_errors_are_reported_at_once() {
    let said = said(
        "api_keys_file = 'nowhere'\n[profiles.p]\nmax_object_bytes = 0\n[callers.c]\nscopes = ['x']\ntenant = ''\n\
         [issuers.i]\nissuer = ''\naudience = []\nalgorithms = ['none']\nscopes = []\n",
    )
    .await;
    for place in [
        "api_keys_file: ",
        "profiles.p.max_object_bytes: ",
        "callers.c.scopes[0]: ",
        "callers.c.tenant: ",
        "issuers.i.issuer: ",
        "issuers.i.audience: ",
        "issuers.i.algorithms[0]: ",
        "issuers.i.scopes: ",
    ] {
        assert!(said.contains(place), "{place} is missing in {said}");
    }
}

#[tokio::test]
async fn scanners_that_must_not_be_asked_are_named() {
    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let check = |webhook: &str, scanner: &str| {
        format!(
            "[profiles.a.checks.webhook]\n{webhook}\n[[profiles.a.checks.webhook.scanners]]\nname = 'one'\n\
             url = 'https://a.example'\nsecrets = ['{SECRET}']\n[[profiles.a.checks.webhook.scanners]]\n{scanner}"
        )
    };
    let scanner = |url: &str| format!("name = 'two'\nurl = '{url}'\nsecrets = ['{SECRET}']");
    let place = "profiles.a.checks.webhook";
    for (policy, says) in [
        (
            check("quorum = 3", &scanner("https://b.example")),
            "quorum: must be from 1 to the number of scanners, 2",
        ),
        (
            check("", &scanner("http://b.example")),
            "scanners[1].url: must be an https URL",
        ),
        (
            check("", &scanner("https://169.254.169.254/latest")),
            "scanners[1].url: must not have a link-local",
        ),
        (
            check("", &scanner("https://[::ffff:169.254.169.254]/")),
            "scanners[1].url: must not have a link-local",
        ),
        (
            check("", &scanner("https://127.0.0.1/")),
            "scanners[1].url: must have a public address",
        ),
        (
            check("", &scanner("https://10.0.0.1/")),
            "scanners[1].url: must have a public address",
        ),
        (
            check("private_hosts = ['169.254.169.254']", &scanner("https://b.example")),
            "private_hosts: \"169.254.169.254\" must be the name",
        ),
        (
            check("", &scanner("https://b.example").replace("two", "one")),
            "scanners[1].name: must be another one",
        ),
        (
            check("", &scanner("https://b.example").replace("two", "a b")),
            "scanners[1].name: must have 1 to 63",
        ),
        (
            check("", &scanner("https://b.example").replace("whsec_", "whsec")),
            "scanners[1].secrets: a secret must be",
        ),
        (
            check("", "name = 'two'\nurl = 'https://b.example'"),
            "scanners[1].secrets: there must be one secret, or two",
        ),
        (
            check("", &format!("{}\nsecrets_file = 'none'", scanner("https://b.example"))),
            "scanners[1].secrets_file: must not be given beside secrets",
        ),
        (
            check("", "name = 'two'\nurl = 'https://b.example'\nsecrets_file = 'none'"),
            "scanners[1].secrets_file: ",
        ),
    ] {
        let said = said(&policy).await;
        assert!(said.contains(&format!("{place}.{says}")), "{policy}: {said}");
        assert!(!said.contains("MfKQ9r8"), "{said}");
    }
}
