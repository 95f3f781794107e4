//! Enums whose values have names.

/// An enum each of whose values has a name, with `ALL` of them in the order of their places, and `as_str`.
///
/// Metrics have only such labels, so that no label comes from outside.
#[macro_export]
macro_rules! closed_set {
    ($(#[$about:meta])* $visibility:vis enum $set:ident { $($(#[$meaning:meta])* $value:ident = $name:literal,)+ }) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        $visibility enum $set { $($(#[$meaning])* $value,)+ }

        impl $set {
            /// Every value; the place of each is its number.
            pub const ALL: &[Self] = &[$(Self::$value,)+];

            /// Their names, at the same places.
            pub const NAMES: &[&str] = &[$($name,)+];

            /// Its name.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$value => $name,)+ }
            }
        }
    };
}
