//! Places on earth.

use super::super::keys::Take;
use super::{Access, GEO, KEY, Row, TWO, arg, keyword};

pub(super) const ROWS: &[Row] = &[
    Row::new("geoadd", -5, Access::Write)
        .keys(KEY, &["RW update"])
        .flags(&["write", "denyoom"], &["@write", "@geo", "@slow"])
        .doc(
            "geo",
            "3.2.0",
            "O(log(N)) for each item added, where N is the number of elements in the \
             sorted set.",
            "Adds one or more members to a geospatial index. The key is created if it \
             doesn't exist.",
        ),
    Row::new("geodist", -4, Access::Read)
        .keys(KEY, &["RO access"])
        .flags(&["readonly"], &["@read", "@geo", "@slow"])
        .doc(
            "geo",
            "3.2.0",
            "O(1)",
            "Returns the distance between two members of a geospatial index.",
        ),
    Row::new("geohash", -2, Access::Read)
        .keys(KEY, &["RO access"])
        .flags(&["readonly"], &["@read", "@geo", "@slow"])
        .doc(
            "geo",
            "3.2.0",
            "O(1) for each member requested.",
            "Returns members from a geospatial index as geohash strings.",
        ),
    Row::new("geopos", -2, Access::Read)
        .keys(KEY, &["RO access"])
        .flags(&["readonly"], &["@read", "@geo", "@slow"])
        .doc(
            "geo",
            "3.2.0",
            "O(1) for each member requested.",
            "Returns the longitude and latitude of members from a geospatial index.",
        ),
    Row::new("georadius", -6, Access::Write)
        .keys(
            &[
                arg(1),
                keyword("store", 6, Take::Latest, GEO),
                keyword("storedist", 6, Take::Latest, GEO),
            ],
            &["RO access", "OW update", "OW update"],
        )
        .flags(&["write", "denyoom", "movablekeys"], &["@write", "@geo", "@slow"])
        .doc(
            "geo",
            "3.2.0",
            "O(N+log(M)) where N is the number of elements inside the bounding box of the \
             circular area delimited by center and radius and M is the number of items \
             inside the index.",
            "Queries a geospatial index for members within a distance from a coordinate, \
             optionally stores the result.",
        )
        .deprecated("6.2.0", "`GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` argument"),
    Row::new("georadius_ro", -6, Access::Read)
        .keys(KEY, &["RO access"])
        .flags(&["readonly"], &["@read", "@geo", "@slow"])
        .doc(
            "geo",
            "3.2.10",
            "O(N+log(M)) where N is the number of elements inside the bounding box of the \
             circular area delimited by center and radius and M is the number of items \
             inside the index.",
            "Returns members from a geospatial index that are within a distance from a \
             coordinate.",
        )
        .deprecated("6.2.0", "`GEOSEARCH` with the `BYRADIUS` argument"),
    Row::new("georadiusbymember", -5, Access::Write)
        .keys(
            &[
                arg(1),
                keyword("store", 5, Take::Latest, GEO),
                keyword("storedist", 5, Take::Latest, GEO),
            ],
            &["RO access", "OW update", "OW update"],
        )
        .flags(&["write", "denyoom", "movablekeys"], &["@write", "@geo", "@slow"])
        .doc(
            "geo",
            "3.2.0",
            "O(N+log(M)) where N is the number of elements inside the bounding box of the \
             circular area delimited by center and radius and M is the number of items \
             inside the index.",
            "Queries a geospatial index for members within a distance from a member, \
             optionally stores the result.",
        )
        .deprecated(
            "6.2.0",
            "`GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` and `FROMMEMBER` arguments",
        ),
    Row::new("georadiusbymember_ro", -5, Access::Read)
        .keys(KEY, &["RO access"])
        .flags(&["readonly"], &["@read", "@geo", "@slow"])
        .doc(
            "geo",
            "3.2.10",
            "O(N+log(M)) where N is the number of elements inside the bounding box of the \
             circular area delimited by center and radius and M is the number of items \
             inside the index.",
            "Returns members from a geospatial index that are within a distance from a \
             member.",
        )
        .deprecated("6.2.0", "`GEOSEARCH` with the `BYRADIUS` and `FROMMEMBER` arguments"),
    Row::new("geosearch", -7, Access::Read)
        .keys(KEY, &["RO access"])
        .flags(&["readonly"], &["@read", "@geo", "@slow"])
        .doc(
            "geo",
            "6.2.0",
            "O(N+log(M)) where N is the number of elements in the grid-aligned bounding \
             box area around the shape provided as the filter and M is the number of \
             items inside the shape",
            "Queries a geospatial index for members inside an area of a box or a circle.",
        ),
    Row::new("geosearchstore", -8, Access::Write)
        .keys(TWO, &["OW update", "RO access"])
        .flags(&["write", "denyoom"], &["@write", "@geo", "@slow"])
        .doc(
            "geo",
            "6.2.0",
            "O(N+log(M)) where N is the number of elements in the grid-aligned bounding \
             box area around the shape provided as the filter and M is the number of \
             items inside the shape",
            "Queries a geospatial index for members inside an area of a box or a circle, \
             optionally stores the result.",
        ),
];
