//! `register`: a new revision with another image.

use aomidori_deploy::cloud::Revision;
use aomidori_deploy::register::{ImageRef, InvalidImage, RegisterError, Registration, prepare, register};

use super::desk::Desk;
use super::follow::setting;
use super::start::confirm;
use crate::app::App;
use crate::args;
use crate::commands::done;
use crate::connect;
use crate::error::{Error, Failure};
use crate::exit::Exit;
use crate::settings::Environment;
use crate::view::Printer;
use crate::view::deployment::{self as view, RegisterResult};

pub(in crate::commands) async fn run(
    app: &App,
    args: &args::Register,
    environment: &Environment,
    printer: &mut Printer,
) -> Result<Exit, Error> {
    let args::Register { service, image, dry_run, confirm: yes, cloud } = args;
    let (desk, environment) = Desk::open(app, cloud, service.service.as_deref(), environment, printer).await?;
    let dry_run = environment.on(*dry_run, "AOMIDORI_DRY_RUN")?;
    let image = Image::new(image, &environment)?;
    let what = prepared(&desk, image.as_ref(), dry_run, printer).await?;
    let family = desk.site.definition.family.to_string();
    printer.result(&desk.header.line(printer.out_paint()));
    printer.result(&view::registration(
        &family,
        what.current.as_ref(),
        &what.changes,
        &what.asked(),
        printer.out_paint(),
    ));
    let result = |revision: Option<&Revision>| RegisterResult {
        stack: desk.site.stack.to_string(),
        service: desk.name(),
        family: family.clone(),
        dry_run,
        task_definition: revision.map(|revision| revision.arn.clone()),
        revision: revision.map(|revision| revision.revision),
        new: !what.changes.is_empty() && !dry_run,
        images: what.images.clone(),
        tags: what.asked(),
        changes: what.changes.clone(),
    };
    if dry_run || what.changes.is_empty() {
        let result = result(what.current.as_ref());
        return Ok(done(printer, "register", Exit::Done, result));
    }
    confirm(printer, yes, &environment, "register", "Register that?").await?;
    let revision = desk.asked(register(desk.cloud(), &desk.site, &what).await).await?;
    printer.result(&registered(&revision));
    printer.result("Next: `deploy --latest` deploys it.\n");
    let result = result(Some(&revision));
    Ok(done(printer, "register", Exit::Done, result))
}

pub(super) fn registered(revision: &Revision) -> String {
    format!("Registered {}:{}.\n", revision.family, revision.revision)
}

/// An image that somebody asked for.
pub(super) struct Image {
    pub(super) text: String,
    image: ImageRef,
    container: Option<String>,
}

impl Image {
    /// This one.
    pub(super) fn of(text: &str) -> Result<Image, InvalidImage> {
        Ok(Image { text: text.to_owned(), image: text.parse()?, container: None })
    }

    /// `None` for the stack's own.
    pub(super) fn new(args: &args::ImageChoice, environment: &Environment) -> Result<Option<Image>, Error> {
        let text = environment.text(args.image.as_ref(), "AOMIDORI_IMAGE");
        let container = environment.text(args.container.as_ref(), "AOMIDORI_CONTAINER");
        match (text, container) {
            (Some(text), container) => {
                let image = text.parse().map_err(Failure::Image)?;
                Ok(Some(Image { text, image, container }))
            }
            (None, Some(container)) => Err(setting("--container", &container, "of use without `--image`")),
            (None, None) => Ok(None),
        }
    }
}

/// What is to be registered. On the local cloud practice images are made where somebody asks for one by its tag; a dry run
/// makes none.
pub(super) async fn prepared(
    desk: &Desk,
    image: Option<&Image>,
    dry_run: bool,
    printer: &mut Printer,
) -> Result<Registration, Error> {
    let asked = image.map(|image| (image.container.as_deref(), &image.image));
    let found = match prepare(desk.cloud(), &desk.site, asked).await {
        Err(RegisterError::NoImage { repository, reference })
            if desk.practice && !dry_run && connect::is_practice_tag(&reference) =>
        {
            printer.note(&format!("Putting a practice image {repository}:{reference} into the local cloud.\n"));
            let put = desk.cloud().push_practice_image(&repository, &reference, &reference).await;
            desk.asked(put).await?;
            prepare(desk.cloud(), &desk.site, asked).await
        }
        other => other,
    };
    match found {
        Ok(registration) => Ok(registration),
        Err(RegisterError::Cloud(error)) => Err(desk.explain(error).await),
        Err(error) => Err(Failure::Register(error).into()),
    }
}
