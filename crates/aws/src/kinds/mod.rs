//! One file per kind. A kind in the model's list without a file here does not compile.

macro_rules! modules {
    ($($type:ident => $module:ident,)*) => {
        $(pub(crate) mod $module;)*
    };
}
aomidori_model::for_each_kind!(modules);
