"""The words of invented two-word titles ("Amber Corridor"), in two parts that share no word.

A benchmark of more entities than these titles serve has titles that begin with a place ("Foxbrook Bell") instead.

A title distinguishes a description from all others, so its words occur nowhere else: not in a name, an
adjective, an occupation, an object kind or a template.
"""

BENCHMARK_TITLE_STARTS = """
    Amber Ashen Autumn Azure Basalt Birch Bitter Brass Brave Broken Bronze Cedar Chalk Chrome Cinder Copper Coral
    Cotton Dusty Eager Ebony Empty Faded Fern Final Flint Frozen Gentle Giant Gilded Glass Hazel Heavy Hidden
    Hollow Idle Inner Iron Ivory Jade Jolly Lemon Lilac Linen Lost Lucky Lunar Maple Merry Misty Mossy Muddy Noble
    Oaken Ochre Olive Opal Outer Paper Pearl Pine Polar Quick Rapid Raven Rosy Rough Ruby Rusty Sable Salt Sandy
    Sharp Slate Slow Snowy Solar Solid Stark Stone Stray Sunny Swift Tall Tame Teal Tidal Tiny Topaz Twin Upper
    Vivid Warm Waxen Weary White Wild Windy Wise Woven
"""
"""100 first words of benchmark titles."""

BENCHMARK_TITLE_ENDS = """
    Abbey Acorn Alley Anvil Apple Arch Arrow Atlas Basin Bay Bear Bell Bench Brook Cabin Cliff Coast Crane Creek
    Crow Dawn Deer Delta Dove Dream Drum Dune Eagle Echo Ember Fence Field Flame Flute Fork Fox Frost Gate Glove
    Goose Grove Hare Hat Haven Hawk Hedge Heron Hill Hinge Horn House Jewel Key Kite Lake Lamp Leaf Ledge Lily
    Lion Lotus Marsh Mask Mill Moon Nest Oasis Ocean Otter Owl Path Plaza Pond Porch Prism Quilt Raft Rain Ridge
    River Robin Rope Sail Scarf Seed Shell Shore Sky Spoon Swan Table Tent Tide Tiger Torch Vine Wave Wing Wolf
    Wren
"""
"""100 second words of benchmark titles."""

PLACE_STARTS = """
    Adder Apple Badger Barley Beaver Candle Cherry Clover Cotton Crane Cricket Crystal Dragon Eagle Ember Falcon
    Feather Fox Gander Garnet Goose Granite Hare Hazel Heather Heron Honey Hornet Juniper Kestrel Lantern Lark Laurel
    Linnet Magpie Marten Merlin Osprey Otter Panther Pepper Pigeon Plover Poplar Quartz Rabbit Raven Robin Rocket
    Rowan Saffron Silver Starling Sunset Thistle Timber Velvet Violet Walnut Winter
"""
"""60 first parts of the places of a large benchmark; none is the beginning of another one."""

PLACE_ENDS = """
    bank bay beach bluff bridge brook burn castle cliff combe corner cove crag creek croft dale dell fen field ford
    forge gate glade glen grange grove harbor haven heath hill hollow hurst marsh meadow mere mill moor pier point
    pond pool port vale valley water well wharf wick wold wood
"""
"""50 second parts; none is the beginning of another one."""

CORPUS_TITLE_STARTS = """
    Ancient Blazing Bright Cherry Clouded Cobalt Crimson Crooked Crystal Cypress Double Ginger Golden Grassy
    Honest Indigo Lively Lonely Marble Mighty Narrow Nimble Orange Pepper Rising Serene Silent Simple Smooth
    Solemn Steady Summer Sunken Thorny Velvet Waking Walnut Wicked Winter Wooden
"""
"""40 first words of corpus titles."""

CORPUS_TITLE_ENDS = """
    Anchor Avenue Badger Barrel Beacon Bucket Button Cactus Cellar Chapel Circle Clover Desert Donkey Dragon
    Falcon Fiddle Forest Hammer Harbor Hearth Jackal Jungle Kettle Ladder Lagoon Locket Magnet Meadow Mirror
    Monkey Needle Paddle Parade Parrot Pillar Pillow Portal Pulley Rabbit
"""
"""40 second words of corpus titles."""
