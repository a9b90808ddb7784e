"""The words of invented two-word titles ("Amber Corridor"), in two parts that share no word.

A title is what tells one description from every other one, so its words occur nowhere else: not in a name, an
adjective, an occupation, an object kind or a template.
"""

BENCHMARK_TITLE_STARTS = """
    Amber Ashen Autumn Azure Basalt Birch Bitter Brass Brave Broken Bronze Cedar Chalk Chrome Cinder Copper
    Coral Cotton Dusty Eager Ebony Empty Faded Fern Final Flint Frozen Gentle Giant Gilded Glass Hazel Heavy
    Hidden Hollow Hungry Idle Inner Iron Ivory Jade Jagged Jolly Lemon Lilac Linen Little Lost Lucky Lunar Maple
    Mellow Merry Misty Molten Mossy Muddy Noble Oaken Ochre Olive Opal Outer Paper Pearl Pebble Pine Polar
    Purple Quartz Quick Rapid Raven Rosy Rough Ruby Rugged Rusty Sable Salt Sandy Savage Shaded Sharp Silken
    Silver Slate Sleepy Slow Snowy Solar Solid Spiral Stark Stone Stormy Stray Sudden Sunny Swift Tall Tame Teal
    Tender Tidal Tiny Topaz Twin Upper Vivid Warm Waxen Weary White Wild Willow Windy Wise Woven Yellow
"""
"""120 first words of benchmark titles."""

BENCHMARK_TITLE_ENDS = """
    Abbey Acorn Alley Anvil Apple Arch Arrow Atlas Banner Basin Basket Bay Bear Bell Bench Branch Breeze Brook
    Cabin Canyon Cliff Coast Corner Cradle Crane Creek Crow Dawn Deer Delta Dove Dream Drum Dune Eagle Echo
    Ember Fence Field Flame Flute Fork Fox Frost Gate Glove Goose Grove Hare Hat Haven Hawk Hedge Heron Hill
    Hinge Horn House Jewel Key Kite Lake Lamp Leaf Ledge Lily Lion Lotus Market Marsh Mask Mill Moon Nest Oasis
    Ocean Otter Owl Path Plaza Pocket Pond Porch Prism Quarry Quilt Raft Rain Ridge River Robin Rocket Rope Sail
    Scarf Seed Shell Shore Sky Spoon Swan Table Tent Tide Tiger Torch Tower Trail Valley Vessel Vine Voyage
    Wagon Wave Whale Wheel Window Wing Wolf Wren
"""
"""120 second words of benchmark titles."""

CORPUS_TITLE_STARTS = """
    Ancient Blazing Bright Cherry Clouded Cobalt Crimson Crooked Crystal Cypress Dancing Distant Double Eastern
    Emerald Endless Falling Flaming Ghostly Ginger Golden Granite Grassy Honest Indigo Jasmine Lively Lonely
    Marble Mighty Narrow Nimble Orange Pepper Rising Saffron Scarlet Serene Shallow Shining Silent Simple
    Slender Smiling Smooth Solemn Steady Summer Sunken Tangled Thirsty Thorny Thunder Velvet Waking Walnut
    Western Wicked Winter Wooden
"""
"""60 first words of corpus titles."""

CORPUS_TITLE_ENDS = """
    Anchor Avenue Badger Barrel Beacon Bucket Button Cactus Cellar Chapel Circle Clover Desert Dolphin Donkey
    Dragon Falcon Fiddle Forest Hammer Harbor Hearth Horizon Jackal Jungle Kettle Ladder Lagoon Locket Magnet
    Meadow Mirror Monkey Needle Paddle Parade Parrot Pillar Pillow Pitcher Portal Pulley Rabbit Ribbon Riddle
    Salmon Shadow Signal Square Steeple Stream Summit Temple Throne Turtle Village Violin Walrus Whistle Zephyr
"""
"""60 second words of corpus titles."""
