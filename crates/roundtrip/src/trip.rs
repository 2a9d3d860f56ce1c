//! The two ways round.

use std::fmt;

use aomidori_hcl::{Backend, Layout, Options, emit};
use aomidori_model::Stack;
use aomidori_testkit::{Terraform, s3};

use crate::account::{ACCOUNT, Account, Census, REGION, chain};
use crate::folder::Folder;

/// Where a trip can break off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Point {
    /// The account or the folder could not be made.
    Preparation,
    /// The stack cannot be emitted.
    Emit,
    /// `terraform init`.
    Init,
    /// `terraform apply` on the empty account.
    Apply,
    /// Somebody else's lock on a state does not stop Terraform.
    Lock,
    /// Terraform has changes after its own apply.
    Again,
    /// Our plan is not empty after Terraform's apply.
    OurPlan,
    /// Our `down`.
    Down,
    /// Our `up`.
    Up,
    /// Importing what we made: something else than imports is planned, or it fails.
    Import,
    /// Terraform has changes after it imported everything.
    AfterImport,
    /// Terraform imported, and something was changed by it.
    Touched,
    /// `terraform destroy`.
    Destroy,
    /// Something is left when everything should be gone.
    Leftovers,
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Point::Preparation => "preparing",
            Point::Emit => "emitting",
            Point::Init => "terraform init",
            Point::Apply => "terraform apply on an empty account",
            Point::Lock => "terraform plan beside another's lock",
            Point::Again => "terraform plan after terraform apply",
            Point::OurPlan => "our plan after terraform apply",
            Point::Down => "our down after terraform apply",
            Point::Up => "our up",
            Point::Import => "terraform import of what we made",
            Point::AfterImport => "terraform plan after the import",
            Point::Touched => "our plan after the import",
            Point::Destroy => "terraform destroy",
            Point::Leftovers => "what is left",
        })
    }
}

/// A trip that broke off.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{point}: {said}")]
pub struct Failure {
    /// Where.
    pub point: Point,
    /// What was said there.
    pub said: String,
}

/// Marks an error with the point at which it came.
pub(crate) fn at<T>(point: Point, result: Result<T, String>) -> Result<T, Failure> {
    result.map_err(|said| Failure { point, said })
}

/// Emits a stack.
///
/// # Errors
/// Why it cannot be.
pub fn emitted(
    stack: &Stack,
    layout: Layout,
    import: Option<std::collections::BTreeMap<aomidori_model::Address, aomidori_hcl::Live>>,
) -> Result<Vec<aomidori_hcl::File>, Failure> {
    emitted_for(stack, Options { layout, import, ..Options::default() })
}

fn emitted_for(stack: &Stack, options: Options) -> Result<Vec<aomidori_hcl::File>, Failure> {
    let account = Some(ACCOUNT.to_owned());
    let options = Options { region: Some(REGION.to_owned()), account, ..options };
    emit(stack, &options).map_err(|error| Failure { point: Point::Emit, said: chain(&error) })
}

/// From Terraform to us: Terraform applies what is emitted on an empty account and has no changes then; neither has our
/// plan; our `down` leaves nothing.
///
/// # Errors
/// Where it breaks off.
pub fn inward(terraform: &Terraform, account: &Account, stack: &Stack, layout: Layout) -> Result<(), Failure> {
    let before = account.census();
    let files = emitted(stack, layout, None)?;
    let folder = at(Point::Init, Folder::new(terraform, &account.local.endpoint(), &files))?;
    at(Point::Apply, folder.apply())?;
    at(Point::Again, folder.no_changes())?;
    // As ECS says, tasks start once there are images for them.
    at(Point::Preparation, account.push_images(stack))?;
    at(Point::OurPlan, account.settled(stack))?;
    at(Point::Down, account.down(stack))?;
    nothing_left(&before, account)
}

/// Terraform alone, with its states in S3: a root of the three reads the others' there. It applies what is emitted on an
/// account that has the bucket only, does nothing while somebody else holds a lock, and has no changes then; neither has
/// our plan; its `destroy` leaves nothing.
///
/// # Errors
/// Where it breaks off.
pub fn in_s3(terraform: &Terraform, account: &Account, stack: &Stack, layout: Layout) -> Result<(), Failure> {
    let endpoint = account.local.endpoint();
    let (bucket, key) = ("team-states", "practice/terraform.tfstate");
    let made = s3::make_bucket(&endpoint, REGION, bucket).map_err(|error| error.to_string());
    at(Point::Preparation, made)?;
    let before = account.census();
    let backend = Backend::S3 { bucket: bucket.into(), key: key.into(), region: REGION.into() };
    let files = emitted_for(stack, Options { layout, backend, ..Options::default() })?;
    let folder = at(Point::Init, Folder::new(terraform, &endpoint, &files))?;
    at(Point::Apply, folder.apply())?;
    at(Point::Lock, locked(&folder, &endpoint, bucket, &files))?;
    at(Point::Again, folder.no_changes())?;
    at(Point::Preparation, account.push_images(stack))?;
    at(Point::OurPlan, account.settled(stack))?;
    at(Point::Destroy, folder.destroy())?;
    nothing_left(&before, account)
}

/// Puts a lock where the first root's is, as another run would.
fn locked(folder: &Folder<'_>, endpoint: &str, bucket: &str, files: &[aomidori_hcl::File]) -> Result<(), String> {
    let keys = files.iter().filter(|file| file.path.ends_with("backend.tf")).flat_map(|file| file.text.lines());
    let key = keys.filter_map(|line| line.trim().strip_prefix("key")?.split('"').nth(1)).next();
    let lock = format!("/{bucket}/{}.tflock", key.ok_or("no root has a key")?);
    let send = |method, body| s3::send(endpoint, REGION, method, &lock, body).map_err(|error| error.to_string());
    send("PUT", r#"{"ID": "1", "Operation": "OperationTypeApply", "Who": "somebody@elsewhere"}"#)?;
    let said = folder.no_changes();
    send("DELETE", "")?;
    match said {
        Err(said) if said.contains("Error acquiring the state lock") && said.contains("somebody@elsewhere") => Ok(()),
        Err(said) => Err(said),
        Ok(()) => Err("it went on beside somebody else's lock".to_owned()),
    }
}

/// From us to Terraform: `up`; Terraform imports everything, changes nothing and has no changes then; its `destroy`
/// leaves nothing.
///
/// # Errors
/// Where it breaks off.
pub fn outward(terraform: &Terraform, account: &Account, stack: &Stack, layout: Layout) -> Result<(), Failure> {
    let before = account.census();
    at(Point::Up, account.up(stack))?;
    let folder = imported(terraform, account, stack, layout)?;
    at(Point::AfterImport, folder.no_changes())?;
    at(Point::Destroy, folder.destroy())?;
    nothing_left(&before, account)
}

/// A folder of Terraform's that has taken over what we made, by imports only.
///
/// # Errors
/// Where it breaks off.
pub fn imported<'t>(
    terraform: &'t Terraform,
    account: &Account,
    stack: &Stack,
    layout: Layout,
) -> Result<Folder<'t>, Failure> {
    let live = at(Point::Up, account.live(stack))?;
    let there = account.census();
    let files = emitted(stack, layout, Some(live))?;
    let folder = at(Point::Init, Folder::new(terraform, &account.local.endpoint(), &files))?;
    let imports_only = |wanted: crate::folder::Wanted| wanted.add + wanted.change + wanted.destroy == 0;
    let wanted = at(Point::Import, folder.plan_and_apply(imports_only))?;
    let blocks = files.iter().flat_map(|file| file.text.lines()).filter(|line| *line == "import {").count();
    if wanted.import != blocks {
        let said = format!("{} of {blocks} resources are imported", wanted.import);
        return Err(Failure { point: Point::Import, said });
    }
    at(Point::Touched, account.nothing_to_do(stack))?;
    if account.census() != there {
        return Err(Failure { point: Point::Touched, said: format!("{there:?} became {:?}", account.census()) });
    }
    Ok(folder)
}

fn nothing_left(before: &Census, account: &Account) -> Result<(), Failure> {
    let after = account.census();
    if after == *before {
        return Ok(());
    }
    Err(Failure { point: Point::Leftovers, said: format!("before {before:?}, after {after:?}") })
}
