//! Writes a target's seeds to a directory, as cargo-fuzz wants them: `seeds TARGET DIRECTORY`.

use std::path::PathBuf;
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let mut arguments = env::args().skip(1);
    let (Some(target), Some(directory)) = (arguments.next(), arguments.next()) else {
        return Err(io::Error::other("usage: seeds TARGET DIRECTORY"));
    };
    let directory = PathBuf::from(directory);
    fs::create_dir_all(&directory)?;
    for (place, seed) in draftstore_fuzz::seeds::of(&target).iter().enumerate() {
        fs::write(directory.join(format!("{place:05}")), seed)?;
    }
    Ok(())
}
