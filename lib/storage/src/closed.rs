//! Enums whose variants have names.

/// Declares an enum whose variants have names, with `ALL`, `NAMES` and `as_str`.
///
/// Labels of metrics come only from such enums, so that no caller can create a label.
#[macro_export]
macro_rules! closed_set {
    ($(#[$about:meta])* $visibility:vis enum $set:ident { $($(#[$meaning:meta])* $value:ident = $name:literal,)+ }) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        $visibility enum $set { $($(#[$meaning])* $value,)+ }

        impl $set {
            /// All variants, in the order of their discriminants.
            pub const ALL: &[Self] = &[$(Self::$value,)+];

            /// The names of the variants, in the same order.
            pub const NAMES: &[&str] = &[$($name,)+];

            /// Returns the name of the variant.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$value => $name,)+ }
            }
        }
    };
}
