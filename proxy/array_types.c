/*
 * Left out: arrays, for which unnest() would give their elements; the reg… types, which are OIDs of one server; types
 * without a binary form.
 */
#include "proxy/array_types.h"

#include <stddef.h>

struct array_type {
    uint32_t element, array;
};

/* In the order of the elements. */
static const struct array_type array_types[] = {
    {16, 1000},   /* bool */
    {17, 1001},   /* bytea */
    {18, 1002},   /* "char" */
    {19, 1003},   /* name */
    {20, 1016},   /* int8 */
    {21, 1005},   /* int2 */
    {23, 1007},   /* int4 */
    {25, 1009},   /* text */
    {26, 1028},   /* oid */
    {27, 1010},   /* tid */
    {28, 1011},   /* xid */
    {29, 1012},   /* cid */
    {114, 199},   /* json */
    {142, 143},   /* xml */
    {600, 1017},  /* point */
    {601, 1018},  /* lseg */
    {602, 1019},  /* path */
    {603, 1020},  /* box */
    {604, 1027},  /* polygon */
    {628, 629},   /* line */
    {650, 651},   /* cidr */
    {700, 1021},  /* float4 */
    {701, 1022},  /* float8 */
    {718, 719},   /* circle */
    {774, 775},   /* macaddr8 */
    {790, 791},   /* money */
    {829, 1040},  /* macaddr */
    {869, 1041},  /* inet */
    {1042, 1014}, /* bpchar */
    {1043, 1015}, /* varchar */
    {1082, 1182}, /* date */
    {1083, 1183}, /* time */
    {1114, 1115}, /* timestamp */
    {1184, 1185}, /* timestamptz */
    {1186, 1187}, /* interval */
    {1266, 1270}, /* timetz */
    {1560, 1561}, /* bit */
    {1562, 1563}, /* varbit */
    {1700, 1231}, /* numeric */
    {1790, 2201}, /* refcursor */
    {2950, 2951}, /* uuid */
    {2970, 2949}, /* txid_snapshot */
    {3220, 3221}, /* pg_lsn */
    {3614, 3643}, /* tsvector */
    {3615, 3645}, /* tsquery */
    {3802, 3807}, /* jsonb */
    {3904, 3905}, /* int4range */
    {3906, 3907}, /* numrange */
    {3908, 3909}, /* tsrange */
    {3910, 3911}, /* tstzrange */
    {3912, 3913}, /* daterange */
    {3926, 3927}, /* int8range */
    {4072, 4073}, /* jsonpath */
    {4451, 6150}, /* int4multirange */
    {4532, 6151}, /* nummultirange */
    {4533, 6152}, /* tsmultirange */
    {4534, 6153}, /* tstzmultirange */
    {4535, 6155}, /* datemultirange */
    {4536, 6157}, /* int8multirange */
    {5038, 5039}, /* pg_snapshot */
    {5069, 271},  /* xid8 */
};

uint32_t array_type_of(uint32_t element)
{
    size_t low = 0, high = sizeof array_types / sizeof *array_types;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (array_types[middle].element == element)
            return array_types[middle].array;
        if (array_types[middle].element < element)
            low = middle + 1;
        else
            high = middle;
    }
    return 0;
}
