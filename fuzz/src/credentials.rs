//! The target `credentials`: a credential that no issuer signed is refused, and a signed one is accepted by its claims alone.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use draftstore_auth::{
    AuthMethods, Authenticator, Presented, TicketKey, TicketKeys, TicketMint, TicketOrder, Tickets, Unauthenticated,
};
use draftstore_service::Caller;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::Value;
use sha2::Sha256;

use crate::offline::{NOW, now, wait};

const SECRET: &[u8] = b"a secret of at least 32 bytes, shared";
const ANOTHER: &[u8] = b"another secret of at least 32 bytes, too";

const POLICY: &str = "
[issuers.login]
issuer = 'https://login.example.com/'
audience = 'draftstore'
algorithms = ['HS256']
secret_file = 'secret'
scopes = ['upload']
";

const HEADER: &[u8] = br#"{"alg":"HS256"}"#;
const CLAIMS: &[u8] = br#"{"iss":"https://login.example.com/","aud":"draftstore","exp":9999999999,"sub":"ada"}"#;

/// The accepted difference between clocks, in seconds.
const LEEWAY: f64 = 60.0;

thread_local! {
    static TICKETS: Tickets = Tickets::new(TicketKeys::only(TicketKey::new([0, 0, 0, 1], [7; 32])));
    static AUTHENTICATOR: Authenticator = authenticator().with_tickets(TICKETS.with(Tickets::clone));
    static TICKET: String = ticket();
}

/// Presents the data as a credential, as a change of a ticket, and as the header and the claims of a token.
pub fn run(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data) {
        assert!(caller(text).is_err(), "{text:?}");
        assert!(caller(&format!("dst_00000001.{text}")).is_err(), "{text:?}");
        assert!(TICKETS.with(|tickets| tickets.open(text, now()).is_err()), "{text:?}");
    }
    TICKET.with(|good| {
        assert!(caller(good).is_ok());
        let changed = changed(good, data);
        assert!(changed == *good || caller(&changed).is_err(), "{changed}");
    });
    assert!(caller(&token(HEADER, CLAIMS, SECRET)).is_ok());
    for (header, claims) in [(data, CLAIMS), (HEADER, data)] {
        assert!(caller(&token(header, claims, ANOTHER)).is_err());
        if caller(&token(header, claims, SECRET)).is_ok() {
            assert!(is_good(header, claims), "{:?}", String::from_utf8_lossy(data));
        }
    }
}

/// Returns whether a token may be accepted, by rules that are written here once more.
#[expect(clippy::cast_precision_loss, reason = "seconds since 1970 are exact in 52 bits")]
fn is_good(header: &[u8], claims: &[u8]) -> bool {
    let read = |json: &[u8]| serde_json::from_slice::<Value>(json).unwrap_or_default();
    let (header, claims) = (read(header), read(claims));
    let audience = &claims["aud"];
    let is_for_us = audience == "draftstore"
        || audience
            .as_array()
            .is_some_and(|all| all.iter().any(|one| one == "draftstore"));
    let lives = claims["exp"].as_f64().is_some_and(|end| end + LEEWAY > NOW as f64);
    let is_signed = header["alg"] == "HS256" && header.get("crit").is_none();
    is_signed && is_for_us && lives && claims["iss"] == "https://login.example.com/" && claims["sub"].is_string()
}

/// One byte is another, or the rest is cut off, or there is more in between: by what the data say.
fn changed(ticket: &str, data: &[u8]) -> String {
    let [how, high, low, value, ..] = *data else {
        return format!("{ticket}{}", String::from_utf8_lossy(data));
    };
    let place = usize::from(u16::from_be_bytes([high, low])) % ticket.len();
    let mut bytes = ticket.as_bytes().to_vec();
    match how % 3 {
        0 => bytes[place] = value,
        1 => bytes.truncate(place),
        _ => bytes.insert(place, value),
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn caller(bearer: &str) -> Result<std::sync::Arc<Caller>, Unauthenticated> {
    let presented = Presented {
        bearer: Some(bearer),
        peer: None,
    };
    AUTHENTICATOR.with(|authenticator| authenticator.authenticate(presented, now()))
}

fn token(header: &[u8], claims: &[u8], secret: &[u8]) -> String {
    let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let mac = Hmac::<Sha256>::new_from_slice(secret).expect("a key of any length");
    let mac = mac.chain_update(&signed).finalize().into_bytes();
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac))
}

fn ticket() -> String {
    let order = TicketOrder {
        object_name: Some("a".to_owned()),
        max_uploads: Some(3),
        ..TicketOrder::default()
    };
    let mint = TicketMint {
        minter: &Caller::anyone(),
        order: &order,
        profiles: None,
        object_lifetime: Duration::from_secs(3600),
        now: now(),
        random: [9; 9],
    };
    TICKETS.with(|tickets| tickets.mint(&mint)).expect("minted").ticket
}

/// By a policy that is read once, and not needed any more then.
fn authenticator() -> Authenticator {
    let name = format!(
        "draftstore-fuzz-{}-{:?}",
        std::process::id(),
        std::thread::current().id()
    );
    let directory = std::env::temp_dir().join(name);
    std::fs::create_dir_all(&directory).expect("a directory");
    std::fs::write(directory.join("secret"), SECRET).expect("written");
    std::fs::write(directory.join("policy.toml"), POLICY).expect("written");
    let ways = AuthMethods {
        jwt: true,
        ..AuthMethods::default()
    };
    let opened = wait(Authenticator::open(ways, directory.join("policy.toml")));
    std::fs::remove_dir_all(&directory).expect("removed");
    opened.expect("a policy").0
}
