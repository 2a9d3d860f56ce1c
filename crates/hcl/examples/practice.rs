//! Emits the practice environment: `cargo run -p aomidori-hcl --example practice -- DIR [single|split] [KEY=VALUE]…`.

use std::error::Error;
use std::path::PathBuf;

use aomidori_hcl::{Layout, Options, emit};
use aomidori_practice::{Inputs, stack};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = PathBuf::from(arguments.next().ok_or("which folder?")?);
    let layout = match arguments.next().as_deref() {
        Some("split") => Layout::Split,
        _ => Layout::Single,
    };
    let mut inputs = Inputs::default();
    for pair in arguments {
        let (key, value) = pair.split_once('=').ok_or("KEY=VALUE")?;
        inputs.set(key, value)?;
    }
    for file in emit(&stack(&inputs)?, &Options { layout, ..Options::default() })? {
        let path = folder.join(&file.path);
        std::fs::create_dir_all(path.parent().ok_or("a folder")?)?;
        std::fs::write(path, file.text)?;
    }
    Ok(())
}
