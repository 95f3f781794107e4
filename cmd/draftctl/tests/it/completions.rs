use crate::program::TestUser;

#[test]
fn completion_scripts_contain_the_commands() {
    let user = TestUser::of("http://127.0.0.1:1");
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let ended = user.run(["completions", shell]);
        assert_eq!(ended.status, 0, "{ended:?}");
        for word in ["draftctl", "upload", "idempotency-key"] {
            assert!(ended.out.contains(word), "{shell}: {word}");
        }
    }
    assert_eq!(user.run(["completions", "none"]).status, 2);
}
