/*
 * A sentence is adjective, noun, verb, adverb, preposition, adjective, noun: query 13 looks for "special"
 * with "requests" somewhere behind it, which about one comment in a hundred has.
 */
#include "tests/differential/tpch/words.h"

#include <string.h>

const struct nation words_nations[NATIONS] = {
    {"ALGERIA", 0},      {"ARGENTINA", 1},  {"BRAZIL", 1},  {"CANADA", 1},         {"EGYPT", 4},
    {"ETHIOPIA", 0},     {"FRANCE", 3},     {"GERMANY", 3}, {"INDIA", 2},          {"INDONESIA", 2},
    {"IRAN", 4},         {"IRAQ", 4},       {"JAPAN", 2},   {"JORDAN", 4},         {"KENYA", 0},
    {"MOROCCO", 0},      {"MOZAMBIQUE", 0}, {"PERU", 1},    {"CHINA", 2},          {"ROMANIA", 3},
    {"SAUDI ARABIA", 4}, {"VIETNAM", 2},    {"RUSSIA", 3},  {"UNITED KINGDOM", 3}, {"UNITED STATES", 1},
};

const char *const words_regions[REGIONS] = {"AFRICA", "AMERICA", "ASIA", "EUROPE", "MIDDLE EAST"};

static const char *const colours[] = {
    "almond",    "antique",    "aquamarine", "azure",     "beige",     "bisque",     "black",     "blanched",
    "blue",      "blush",      "brown",      "burlywood", "burnished", "chartreuse", "chiffon",   "chocolate",
    "coral",     "cornflower", "cornsilk",   "cream",     "cyan",      "dark",       "deep",      "dim",
    "dodger",    "drab",       "firebrick",  "floral",    "forest",    "frosted",    "gainsboro", "ghost",
    "goldenrod", "green",      "grey",       "honeydew",  "hot",       "indian",     "ivory",     "khaki",
    "lace",      "lavender",   "lawn",       "lemon",     "light",     "lime",       "linen",     "magenta",
    "maroon",    "medium",     "metallic",   "midnight",  "mint",      "misty",      "moccasin",  "navajo",
    "navy",      "olive",      "orange",     "orchid",    "pale",      "papaya",     "peach",     "peru",
    "pink",      "plum",       "powder",     "puff",      "purple",    "red",        "rose",      "rosy",
    "royal",     "saddle",     "salmon",     "sandy",     "seashell",  "sienna",     "sky",       "slate",
    "smoke",     "snow",       "spring",     "steel",     "tan",       "thistle",    "tomato",    "turquoise",
    "violet",    "wheat",      "white",      "yellow",
};
static const char *const segments[] = {"AUTOMOBILE", "BUILDING", "FURNITURE", "MACHINERY", "HOUSEHOLD"};
static const char *const priorities[] = {"1-URGENT", "2-HIGH", "3-MEDIUM", "4-NOT SPECIFIED", "5-LOW"};
static const char *const instructions[] = {"DELIVER IN PERSON", "COLLECT COD", "NONE", "TAKE BACK RETURN"};
static const char *const modes[] = {"REG AIR", "AIR", "RAIL", "SHIP", "TRUCK", "MAIL", "FOB"};
static const char *const sizes[] = {"STANDARD", "SMALL", "MEDIUM", "LARGE", "ECONOMY", "PROMO"};
static const char *const finishes[] = {"ANODIZED", "BURNISHED", "PLATED", "POLISHED", "BRUSHED"};
static const char *const metals[] = {"TIN", "NICKEL", "BRASS", "STEEL", "COPPER"};
static const char *const widths[] = {"SM", "LG", "MED", "JUMBO", "WRAP"};
static const char *const boxes[] = {"CASE", "BOX", "BAG", "JAR", "PKG", "PACK", "CAN", "DRUM"};

static const char *const adjectives[] = {
    "special", "pending", "unusual", "express", "quick",  "slow",  "careful", "bold",
    "even",    "final",   "ironic",  "regular", "silent", "brave", "busy",    "close",
};
static const char *const nouns[] = {
    "requests",  "packages", "deposits", "accounts",  "ideas",   "theories", "pinto beans", "instructions",
    "platelets", "courts",   "dugouts",  "warhorses", "sheaves", "forges",   "tithes",      "patterns",
};
static const char *const verbs[] = {"sleep",  "wake",   "haggle", "nag",  "use",   "boost",
                                    "cajole", "detect", "grow",   "doze", "print", "solve"};
static const char *const adverbs[] = {"quickly",    "slyly",  "fluffily", "blithely", "furiously",
                                      "ruthlessly", "evenly", "daringly", "sometimes"};
static const char *const prepositions[] = {"above", "across", "after", "among", "around",
                                           "at",    "behind", "near",  "under", "without"};

#define ONE_OF(list, dice) (list)[dice_between((dice), 0, (long) (sizeof(list) / sizeof *(list)) - 1)]

const char *words_colour(struct dice *dice)
{
    return ONE_OF(colours, dice);
}

const char *words_segment(struct dice *dice)
{
    return ONE_OF(segments, dice);
}

const char *words_priority(struct dice *dice)
{
    return ONE_OF(priorities, dice);
}

const char *words_instruction(struct dice *dice)
{
    return ONE_OF(instructions, dice);
}

const char *words_mode(struct dice *dice)
{
    return ONE_OF(modes, dice);
}

void words_write_type(FILE *file, struct dice *dice)
{
    const char *size = ONE_OF(sizes, dice), *finish = ONE_OF(finishes, dice);
    fprintf(file, "%s %s %s", size, finish, ONE_OF(metals, dice));
}

void words_write_container(FILE *file, struct dice *dice)
{
    const char *width = ONE_OF(widths, dice);
    fprintf(file, "%s %s", width, ONE_OF(boxes, dice));
}

static const char *word_at(struct dice *dice, int place)
{
    switch (place % 7) {
    case 0:
    case 5:
        return ONE_OF(adjectives, dice);
    case 1:
    case 6:
        return ONE_OF(nouns, dice);
    case 2:
        return ONE_OF(verbs, dice);
    case 3:
        return ONE_OF(adverbs, dice);
    default:
        return ONE_OF(prepositions, dice);
    }
}

void words_write_comment(FILE *file, struct dice *dice, int shortest, int longest)
{
    int left = (int) dice_between(dice, shortest, longest);
    for (int place = 0; left > 0; place++) {
        const char *word = word_at(dice, place), *end = place % 7 == 6 ? ". " : " ";
        left -= fprintf(file, "%.*s", left, word);
        left -= fprintf(file, "%.*s", left, end);
    }
}

void words_write_address(FILE *file, struct dice *dice)
{
    static const char letters[] = "0123456789 abcdefghijklmnopqrstuvwxyz,ABCDEFGHIJKLMNOPQRSTUVWXYZ.";
    for (long left = dice_between(dice, 10, 40); left > 0; left--)
        fputc(letters[dice_between(dice, 0, (long) strlen(letters) - 1)], file);
}

void words_write_phone(FILE *file, struct dice *dice, int nation)
{
    long area = dice_between(dice, 100, 999), exchange = dice_between(dice, 100, 999);
    fprintf(file, "%d-%ld-%ld-%ld", nation + 10, area, exchange, dice_between(dice, 1000, 9999));
}
