//! Places on earth, which are kept in sorted sets.

use super::{Group, Line, line};

lines!(GEO, Group::Geo, {
    "geoadd" "key { NX | XX | CH } ( longitude latitude member )+",
    "geodist" "key member member [ unit ]",
    "geohash" "key { member }",
    "geopos" "key { member }",
    "georadius" "key longitude latitude radius unit
        { WITHCOORD | WITHDIST | WITHHASH | COUNT index [ ANY ] | ASC | DESC | STORE key
        | STOREDIST key }",
    "georadius_ro" "key longitude latitude radius unit
        { WITHCOORD | WITHDIST | WITHHASH | COUNT index [ ANY ] | ASC | DESC | wrong }",
    "georadiusbymember" "key member radius unit
        { WITHCOORD | WITHDIST | WITHHASH | COUNT index [ ANY ] | ASC | DESC | STORE key
        | STOREDIST key }",
    "georadiusbymember_ro" "key member radius unit
        { WITHCOORD | WITHDIST | WITHHASH | COUNT index [ ANY ] | ASC | DESC | wrong }",
    "geosearch" "key ( FROMMEMBER member | FROMLONLAT longitude latitude )
        ( BYRADIUS radius unit | BYBOX radius radius unit )
        { WITHCOORD | WITHDIST | WITHHASH | COUNT index [ ANY ] | ASC | DESC | wrong }",
    "geosearchstore" "key key ( FROMMEMBER member | FROMLONLAT longitude latitude )
        ( BYRADIUS radius unit | BYBOX radius radius unit )
        { COUNT index [ ANY ] | ASC | DESC | STOREDIST | wrong }",
});
