"""The words of ``paper.pdf``: (kind, text) in reading order. Made up for this sample, places and figures included."""

from __future__ import annotations

PAPER: tuple[tuple[str, str], ...] = (
    ("title", "Counting Swifts at Dusk: A Field Comparison of Three Methods in Four Small Towns"),
    ("author", "Harriet Lindqvist and Tomas Abernathy, Riverside Natural History Society"),
    ("heading", "1 Introduction"),
    (
        "body",
        "Common swifts spend most of their lives in the air. They land only to breed, and they breed almost only in old "
        "buildings, in gaps under the eaves that renovation tends to close. Whoever wants to protect a colony must first "
        "know how large it is. That sounds simple, yet two careful observers who watch the same street on the same evening "
        "often come home with numbers that differ by half.",
    ),
    (
        "body",
        "The difficulty lies in the birds' habits. Before dusk they gather in screaming parties that sweep through the "
        "streets at great speed, split, join again and vanish behind the roofs. A bird that has been counted once may "
        "return a minute later from the other side. Birds that breed slip into their holes in less than a second, while "
        "birds that do not breed climb into the sky and stay there all night.",
    ),
    (
        "body",
        "Three methods are in common use. Some groups count the largest screaming party. Others watch a wall and note every "
        "entry into a hole. In recent years a third way has become affordable, which is to point a camera at the sky and to "
        "count the silhouettes afterwards at leisure. We know of no study that used all three at the same place and time.",
    ),
    (
        "body",
        "This paper reports such a comparison. Over two summers, volunteers in four small towns applied the three methods "
        "side by side on the same evenings. We ask how far the results agree, how much labour each method takes, and which "
        "of them a small society with few members should choose.",
    ),
    ("heading", "2 Study Area"),
    (
        "body",
        "The four towns lie along the same river, between nine and forty kilometres apart. Each has an old centre with "
        "houses of two or three storeys, a church, and a market square. Ashby Mill has the largest centre and was known to "
        "hold a strong colony. In Wexcombe most roofs had been renewed within ten years. Lower Tarrant and Greyford lie "
        "between these extremes.",
    ),
    (
        "body",
        "In every town we marked one observation point on the square and two along the main street. The points stayed the "
        "same during both summers. From each of them at least forty metres of eaves could be seen without moving the head "
        "by more than a quarter turn.",
    ),
    ("heading", "3 Methods"),
    (
        "body",
        "Counts took place on dry evenings with light wind between the last week of May and the middle of July. They began "
        "ninety minutes before sunset and ended when the observers could no longer read their own notes. Every evening was "
        "divided into blocks of ten minutes, and the observers changed places after each block so that no pair of eyes "
        "favoured one method.",
    ),
    (
        "body",
        "For the party count, one person followed the largest group in view and estimated its size three times in each "
        "block. The highest estimate was kept. For the entry count, one person watched a fixed length of wall and noted "
        "each bird that went into a hole or came out of it. Entries minus exits gave the number of birds that stayed.",
    ),
    (
        "body",
        "For the camera count, a small camera stood on the pavement and looked straight up. It took one picture every two "
        "seconds. On the next day two people counted the silhouettes in each picture without talking to each other. Where "
        "their counts differed by more than two birds, both looked at the picture again together.",
    ),
    (
        "body",
        "Weather was noted at the start and at the end of every evening. We left out six evenings on which rain set in and "
        "one on which a brass band played on the square, since the birds stayed away until it had finished.",
    ),
    ("heading", "4 Results"),
    (
        "body",
        "We gathered complete records of fifty-one evenings. The party count gave the highest figures on forty-four of "
        "them, the entry count the lowest on forty-nine. On average the party count was twice as high as the entry count, "
        "and the camera count stood between the two, closer to the latter.",
    ),
    (
        "body",
        "Agreement between the methods depended on the town. In Wexcombe, where few holes are left, all three gave nearly "
        "the same small number. In Ashby Mill the party count exceeded the entry count by a factor of three. Most of the "
        "surplus arrived late in June, when young birds that do not yet breed visit colonies in search of a place for the "
        "following year.",
    ),
    (
        "body",
        "Two people counting the same party differed by a third of the mean. Two people watching the same wall differed by "
        "only a twelfth. The camera counts of two people agreed even better once the rule about differences had been "
        "applied, but looking at the pictures of a single evening took them almost four hours.",
    ),
    (
        "body",
        "The number of breeding pairs was known in Greyford, because the church had been fitted with nest boxes that open "
        "from inside. Twenty-three pairs raised young there in the second summer. The entry count on the best evening had "
        "given twenty-two, the camera count thirty-one, and the party count fifty-eight. Table 1 has the best evening of each "
        "town.",
    ),
    ("caption", "Table 1: The best evening of each town in the second summer"),
    ("table", ""),
    ("heading", "5 Discussion"),
    (
        "body",
        "Our results do not mean that the party count is wrong. It answers another question, namely how many birds make "
        "use of the town on an evening in summer. Whoever wants to know how many pairs breed should watch the walls, and "
        "whoever wants to follow a population over decades should above all keep to one method.",
    ),
    ("body", "Two observers differ in their counts by a mean distance of"),
    ("formula", ""),
    ("body", "birds, where <i>a</i> and <i>b</i> are what they counted in each of the <i>n</i> blocks of an evening."),
    (
        "body",
        "The camera was the favourite of our younger members. It leaves a record that can be counted again, and it does "
        "not tire. Its weakness is the labour on the day after. A program that counts the silhouettes would change the "
        "balance, and we have made our pictures available to anyone who would like to write one.",
    ),
    (
        "body",
        "For a society with few members we recommend the entry count, done by two people on three evenings in the first "
        "half of June. That is little enough to be repeated every year, and early enough to miss the visitors that come "
        "later in the season.",
    ),
    ("heading", "6 Acknowledgements"),
    (
        "body",
        "We thank the thirty-eight volunteers who gave up their evenings, the sexton of Greyford for the key to the tower, "
        "and the bakery on the market square of Ashby Mill, which kept its light off until we had gone home.",
    ),
)

TOWNS: tuple[tuple[str, ...], ...] = (
    ("Town", "Party", "Camera", "Entries"),
    ("Ashby Mill", "141", "74", "47"),
    ("Greyford", "58", "31", "22"),
    ("Lower Tarrant", "52", "29", "24"),
    ("Wexcombe", "6", "5", "5"),
)
"""The table of ``paper.pdf``."""
