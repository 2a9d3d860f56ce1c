//! An emitted folder in Terraform's hands.

use std::path::{Path, PathBuf};

use aomidori_hcl::File;
use aomidori_testkit::Terraform;
use aomidori_testkit::terraform::write;
use tempfile::TempDir;

/// What was emitted, written to a folder.
pub struct Folder<'t> {
    terraform: &'t Terraform,
    endpoint: String,
    place: TempDir,
    /// Roots, in the order in which they are applied.
    roots: Vec<Root>,
}

struct Root {
    folder: String,
    /// It has repositories, whose images keep Terraform from destroying them unless it is told.
    keeps_images: bool,
}

/// What a plan of Terraform wants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Resources to import.
    pub import: usize,
    /// Resources to add.
    pub add: usize,
    /// Resources to change.
    pub change: usize,
    /// Resources to destroy.
    pub destroy: usize,
}

impl<'t> Folder<'t> {
    /// Writes what was emitted, and has Terraform make ready each root.
    ///
    /// # Errors
    /// What Terraform says.
    pub fn new(terraform: &'t Terraform, endpoint: &str, files: &[File]) -> Result<Folder<'t>, String> {
        let place = write(files.iter().map(|file| (file.path.as_str(), file.text.as_str())));
        let place = place.map_err(|error| error.to_string())?;
        let mut roots: Vec<Root> = files
            .iter()
            .filter_map(|file| {
                let folder = file.path.strip_suffix("terraform.tfvars")?.trim_end_matches('/').to_owned();
                Some(Root { folder, keeps_images: file.text.contains("repository_force_delete") })
            })
            .collect();
        roots.sort_by_key(|root| (root.folder != "across", root.folder.clone()));
        let folder = Folder { terraform, endpoint: endpoint.to_owned(), place, roots };
        for root in &folder.roots {
            folder.run(root, &["init", "-no-color"])?;
        }
        Ok(folder)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.place.path()
    }

    fn at(&self, root: &Root) -> PathBuf {
        self.place.path().join(&root.folder)
    }

    fn run(&self, root: &Root, arguments: &[&str]) -> Result<String, String> {
        self.terraform.against(&self.endpoint, &self.at(root), arguments)
    }

    /// `apply`, root by root.
    ///
    /// # Errors
    /// What Terraform says.
    pub fn apply(&self) -> Result<(), String> {
        for root in &self.roots {
            self.run(root, &["apply", "-auto-approve", "-no-color", "-compact-warnings"])?;
        }
        Ok(())
    }

    /// Plans and applies root by root, and says what all plans together wanted. What `legal` refuses is not applied.
    ///
    /// # Errors
    /// What Terraform says; the plan, if it was refused.
    pub fn plan_and_apply(&self, legal: impl Fn(Wanted) -> bool) -> Result<Wanted, String> {
        let mut all = Wanted::default();
        for root in &self.roots {
            let said = self.run(root, &["plan", "-out=tfplan", "-no-color", "-compact-warnings"])?;
            let wanted = wanted(&said);
            if !legal(wanted) {
                return Err(said);
            }
            self.run(root, &["apply", "-no-color", "-compact-warnings", "tfplan"])?;
            all.import += wanted.import;
            all.add += wanted.add;
            all.change += wanted.change;
            all.destroy += wanted.destroy;
        }
        Ok(all)
    }

    /// Nothing, if each root has no changes.
    ///
    /// # Errors
    /// What Terraform wants to change, or says.
    pub fn no_changes(&self) -> Result<(), String> {
        for root in &self.roots {
            let said = self.run(root, &["plan", "-no-color", "-compact-warnings"])?;
            if !said.contains("No changes.") {
                return Err(said);
            }
        }
        Ok(())
    }

    /// `destroy`, the last root first; where images would stop it, after having been told that they may go.
    ///
    /// # Errors
    /// What Terraform says.
    pub fn destroy(&self) -> Result<(), String> {
        for root in self.roots.iter().rev() {
            if root.keeps_images {
                let allow = ["apply", "-auto-approve", "-no-color", "-var=repository_force_delete=true"];
                self.run(root, &allow)?;
            }
            self.run(root, &["destroy", "-auto-approve", "-no-color", "-compact-warnings"])?;
            let left = self.run(root, &["state", "list"])?;
            if !left.trim().is_empty() {
                return Err(format!("still in the state: {left}"));
            }
        }
        Ok(())
    }
}

/// The numbers of `Plan: 2 to import, 0 to add, 0 to change, 0 to destroy.`; none of a plan without changes.
fn wanted(said: &str) -> Wanted {
    let line = said.lines().find_map(|line| line.trim().strip_prefix("Plan: ")).unwrap_or_default();
    let number = |what: &str| {
        let part = line.split(", ").find(|part| part.trim_end_matches('.').ends_with(what));
        part.and_then(|part| part.split(' ').next()).and_then(|number| number.parse().ok()).unwrap_or(0)
    };
    Wanted { import: number("import"), add: number("add"), change: number("change"), destroy: number("destroy") }
}
