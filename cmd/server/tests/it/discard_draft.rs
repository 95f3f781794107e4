use serde_json::json;
use tonic::Code;

use crate::front::{FRONTS, draft};
use crate::server::Server;

#[tokio::test]
async fn discard_removes_the_draft_and_not_main() {
    let server = Server::start();
    for front in FRONTS {
        let name = json!({ "object_name": front.name("a") });
        draft(&server, &front.name("a"), b"kept").await;
        front
            .call(&server, "confirm-upload", name.clone())
            .await
            .expect("confirmed");
        draft(&server, &front.name("a"), b"thrown away").await;
        for discarded in [true, false] {
            let answer = front
                .call(&server, "discard-draft", name.clone())
                .await
                .expect("discarded");
            assert_eq!(answer["discarded"], discarded);
        }
        let failure = front
            .call(&server, "inspect-draft", name.clone())
            .await
            .expect_err("gone");
        failure.assert(404, Code::NotFound, "DRAFT_NOT_FOUND");
        let kept = front.call(&server, "download-url", name).await.expect("there");
        assert_eq!(kept["stage"], "STAGE_MAIN");
    }
}
