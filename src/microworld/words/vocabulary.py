"""The ordinary words of the micro world: what its people do, eat, keep and build.

Every pool holds the values of one type, so a random guess is correct with probability 1 / size.
"""

from __future__ import annotations


def words(text: str) -> tuple[str, ...]:
    """Return the words of a text, split at whitespace."""
    return tuple(text.split())


def _pool(text: str) -> tuple[str, ...]:
    return tuple(" ".join(item.split()) for item in text.split(","))


PROFESSIONS = _pool("""
baker, carpenter, shepherd, weaver, glassblower, beekeeper, potter, blacksmith, tailor,
gardener, teacher, nurse, librarian, fisher, miller, printer, clockmaker, stonemason, painter,
sculptor, singer, actor, dancer, doctor, apothecary, mapmaker, astronomer, botanist, geologist,
translator, judge, clerk, postal worker, ferry pilot, sailor, lighthouse keeper, bridge
builder, roofer, tanner, saddler, cobbler, hatter, button maker, dyer, lacemaker, basket maker,
rope maker, candle maker, soap maker, cheesemaker, brewer, winemaker, cook, innkeeper, grocer,
butcher, farmer, ploughman, orchard keeper, forester, hunter, falconer, horse trainer, vet,
engineer, architect, surveyor, bookbinder, poet, puppeteer, juggler, locksmith""")
FOODS = _pool("""
lentil soup, plum dumplings, rye bread, onion pie, baked apples, barley porridge, mushroom
stew, cheese pancakes, roast chestnuts, pickled herring, honey cake, pea soup, potato salad,
smoked trout, walnut bread, pear tart, cabbage rolls, bean stew, poppy seed cake, buttered
noodles, carrot soup, cherry pudding, garlic bread, grilled mackerel, leek pie, milk rice,
nettle soup, oat biscuits, pumpkin soup, quince jelly, radish salad, spinach pie, stuffed
peppers, turnip mash, vanilla custard, wild garlic dumplings, almond biscuits, beetroot soup,
chickpea stew, date cake, egg noodles, fried mushrooms, gingerbread, hazelnut cream, lemon
cake, millet porridge, olive bread, parsnip soup, raisin buns, sesame rolls, tomato soup,
vegetable pie, watercress salad, yoghurt soup, apricot jam, blackberry pie, celery soup, dill
potatoes, fennel salad, gooseberry tart, kale stew, mint lamb, orange cake, salted almonds""")
HOBBIES = _pool("""
flying kites, painting shells, playing chess, walking in the hills, carving spoons, growing
roses, watching birds, singing in a choir, telling stories, knitting scarves, rowing, skating,
swimming, solving riddles, drawing maps, baking bread, fishing, picking mushrooms, pressing
flowers, building model ships, dancing, juggling, climbing trees, writing letters, reading old
books, mending clocks, making candles, folding paper, running, riding horses, gazing at the
stars, keeping bees, playing cards, making masks, whistling, cooking for friends, learning
languages, throwing pots, weaving baskets, sketching bridges, hunting for fossils, planting
trees, brewing cider, playing dominoes, training pigeons, sewing quilts, shooting arrows,
making puppets""")
INSTRUMENTS = _pool("""
flute, fiddle, harp, drum, lute, trumpet, cello, oboe, bagpipe, zither, accordion, clarinet,
viola, piano, organ, guitar, mandolin, tuba, horn, recorder, dulcimer, banjo, bassoon,
xylophone""")
PETS = _pool("""
cat, dog, goose, rabbit, tortoise, parrot, canary, hen, duck, goat, pony, donkey, hedgehog,
ferret, owl, raven, magpie, jackdaw, pigeon, peacock, mouse, hamster, parakeet, squirrel,
fox, badger, otter, lamb, pig, cow, ox, frog, toad, newt, lizard, snail, goldfish, carp,
beetle, cricket, spider, swan, quail, turkey, falcon, starling, mule, weasel""")
COLLECTIONS = _pool("""
old maps, brass buttons, sea shells, postage stamps, glass marbles, bird feathers, copper
coins, wooden spoons, painted eggs, pocket watches, river stones, tin soldiers, silk ribbons,
clay whistles, rare seeds, carved pipes, folk songs, ghost stories, iron keys, paper fans, toy
boats, pressed ferns, walking sticks, door knobs, tea cups, chess sets, theatre masks, straw
hats, sewing needles, old bells, snow globes, candlesticks, picture frames, bottle caps, beetle
wings, fossil teeth, amber beads, letter seals, recipe books, lace collars, fishing hooks, milk
jugs, wind chimes, porcelain cats, ink bottles, travel diaries, weather charts, bread stamps""")
PRODUCTS = _pool("""
cheese, cider, wool, pottery, glass, silk, paper, rope, soap, candles, honey, salt, copper
pans, clocks, boots, hats, lace, carpets, knives, bells, boats, barrels, baskets, bricks, roof
tiles, beer, wine, mustard, smoked fish, plums, pears, apples, cherries, walnuts, mushrooms,
roses, tulips, herbs, tea, bread, sausages, pickles, jam, chocolate, toys, puppets, fiddles,
drums, kites, umbrellas, gloves, buttons, mirrors, lamps, ink, books, maps, violins, saddles,
ploughs""")
LANDMARKS = _pool("""
clock tower, stone bridge, windmill, lighthouse, round market hall, marble fountain, rose
garden, old town gate, glass library, copper dome, wooden theatre, bell tower, stone lion,
sundial, water wheel, castle ruin, covered bridge, botanical garden, bronze horse, giant oak,
puppet museum, stone circle, salt mine, painted town hall, floating market, star observatory,
silk mill, tiled bath house, hanging bridge, crooked tower, maze, monastery, music school,
harbour crane, iron footbridge, map museum, open-air stage, orchard wall, pilgrim inn,
ropewalk, sea wall, sheep market, white chapel, tree nursery, weather station, whispering wall,
wine cellar, yellow granary""")
FISH = _pool("""
trout, salmon, pike, perch, carp, eels, bream, barbel, tench, roach, grayling, sturgeon,
catfish, minnows, crayfish, lampreys, char, chub, dace, burbot, gudgeon, ide, smelt, zander""")
CROPS = _pool("""
wheat, barley, oats, rye, flax, hops, hemp, maize, potatoes, cabbages, turnips, carrots,
onions, beans, peas, lentils, apples, plums, grapes, olives, almonds, saffron, mustard,
sunflowers""")
COLORS = _pool("""
red, blue, green, yellow, white, black, grey, brown, orange, purple, pink, golden, silver,
crimson""")
BEASTS = _pool("""
small songbird, shy woodland bird, wading bird, bird of prey, night bird, large beetle, water
snail, tree frog, climbing lizard, burrowing mouse, long-eared hare, small deer, mountain goat,
wild pony, river otter, grey weasel, spiny hedgehog, flying squirrel, freshwater crab, slow
tortoise, bat, moth, marsh snake, wild goose""")
HABITATS = _pool("""
reed beds, oak woods, pine forests, mountain meadows, river banks, rocky cliffs, sandy dunes,
peat bogs, salt marshes, old orchards, open heath, beech woods, hedgerows, caves, shallow
lakes, hill pastures, chalk slopes, willow thickets, vineyards, stony beaches, bramble hedges,
birch groves, flooded fields, deep gorges""")
DIETS = _pool("""
snails, worms, acorns, seeds, berries, moths, ants, small fish, frogs, grass, moss, roots,
bark, mushrooms, beetles, eggs, nuts, nectar, clover, water weeds, spiders, tadpoles, pine
cones, rotten wood, crickets, shrimps, buds, thistles, lichen, fallen fruit, flies, mussels""")
MARKINGS = _pool("""
grey spots, white stripes, a red tail, a blue throat, golden eyes, a black mask, silver wings,
a green back, a yellow belly, long whiskers, curled horns, a ringed tail, a bright crest, a
forked tail, soft grey fur, a spotted belly, orange feet, a white collar, copper scales, a
brown mantle, purple wings, tufted ears, a pale stripe, a striped nose, a hooked beak, pink
toes, a velvet coat, a dark hood, a bushy tail, speckled shoulders, a round shell, a crimson
breast""")
MONTHS = _pool("""
January, February, March, April, May, June, July, August, September, October, November,
December""")
CUSTOMS = _pool("""
race wooden boats, throw flower petals, dance in masks, light paper lanterns, roll barrels
downhill, carry a straw bear, ring every bell, swap hats, tell tall tales, climb a greased
pole, bake a giant loaf, sing until dawn, fly huge kites, paint their faces, walk backwards,
feed the geese, plant a tree, juggle apples, pull a rope, ride decorated donkeys, blow glass
horns, float candles, jump over fires, wear their coats inside out, toss pancakes, parade with
puppets, release white doves, drum on pots, draw with chalk, trade riddles, crown a scarecrow,
polish the statues, wash the bridge, run with wheelbarrows, stack cheese wheels, share one long
table, weave a long garland, whistle together, build towers of hay, chase a wooden pig, pour
cider on the roots, hang up ribbons, burn an old chair, row in circles, hide painted eggs, skip
over ropes, balance baskets, wrestle in mud""")
FINDS = _pool("""
a blue poppy, a singing stone, a hot spring, a ruined temple, a blind cave fish, a meteorite, a
salt lake, a bronze bell, a giant fern, a hidden valley, a painted cave, a copper mine, a
fossil whale, a new star map, a glass beach, a white owl, a stone calendar, a double waterfall,
a wild pear tree, a crystal cave, a lost road, a silver medal, a frozen boat, a red lichen, an
iron gate, an old lighthouse, an amber forest, an empty fort, an underground river, an echo
canyon, a rope bridge, a clay library, a black orchid, a tin mask, a sunken bridge, a dwarf
willow, a marble quarry, a wooden wheel, a warm marsh, a natural arch, a stone boat, a grove of
giants, a chalk figure, a field of geysers, a sea cave, a tower of shells, a golden moss, a
round island""")
USES = _pool("""
peeling apples, drying herbs, sorting seeds, winding yarn, pressing oil, polishing lenses,
copying letters, cracking nuts, lifting hay, pumping water, grinding pigments, folding paper,
ringing bells, washing wool, cutting glass, cooling milk, drilling wells, counting coins,
sharpening tools, sowing barley, churning butter, measuring rain, spinning rope, cleaning
chimneys, slicing bread, tuning harps, weighing gold, sifting flour, stitching boots, carving
wood, drawing circles, printing maps, baking tiles, catching mice, digging ditches, shelling
peas, sealing jars, roasting coffee, dyeing silk, picking cherries, heating baths, mixing
mortar, moving stones, opening oysters, signalling ships, sweeping floors, threading needles,
stirring soup""")
GENRES = _pool("""
novel, poem, play, song, opera, fairy tale, travel book, cookery book, diary, ballad, comedy,
ghost story, book of riddles, history, picture book, sea story""")
SUBJECTS = _pool("""
a lost ship, two sisters, a long winter, a stolen bell, a clever fox, a blind king, a
travelling circus, a broken promise, a haunted mill, a wise old horse, a sea voyage, a great
flood, an unlucky baker, a secret garden, a war of hats, an orphan, a talking river, a village
wedding, a runaway kite, a mountain hermit, a jealous clockmaker, a stubborn donkey, a night
market, a forgotten queen, a paper crown, a lonely lighthouse, a dragon of straw, a lazy ghost,
an old map, a music teacher, a poor painter, a rainy summer, a race across the ice, a missing
letter, a false prince, a family of owls, a drowned town, a garden of stones, a feast that
never ends, an honest thief, a girl who could fly, a boy who spoke to bees, a tailor and the
moon, a bridge between two towns, a winter without snow, a goose that laid no eggs, a school
for sailors, a clock that ran backwards""")
DEVICES = _pool("machine, engine, wheel, press, frame, box")
GATHERINGS = _pool("Fair, Feast, Festival, Parade, Regatta, Pageant, Market, Dance")
JOURNEYS = _pool("Expedition, Voyage, Survey, Crossing")
TITLES = _pool("""
Lanterns, Orchards, Bells, Windows, Gardens, Rivers, Keys, Winters, Bridges, Shadows, Horses,
Daughters, Songs, Mirrors, Stones, Roads, Candles, Feathers, Letters, Clocks, Islands, Towers,
Foxes, Ships, Harvests, Masks, Wells, Silences, Storms, Kites""")
POOLS = {
    name.lower(): pool
    for name, pool in list(globals().items())
    if name.isupper() and isinstance(pool, tuple)
}
