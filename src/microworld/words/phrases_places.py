"""Phrasings of the facts about places and animals, in the notation of ``phrasing``."""

TOWN = """
[*]
= {S} is a town in {V.region}, on the river {A.river}.
= {S}, founded in {V.founded}, is a town in {V.region}.
= {S} is a town in {V.region} that is known for its {V.product}.
= {S} is a town on the river {A.river}, known for its {V.product}.
+ Visitors come to see the {V.landmark} and to buy {V.product}.

[region]
= {S} is a town in {V}.
= {S} lies in {V}.
= The town of {S} belongs to {V}.
= The region around {S} is called {V}.
+ You reach it by the main road through {V}.
=- On the map, {S} is found in {V}.
=- {S} is one of the towns of {V}.
? In which region is {S}?
? Which region does {S} belong to?
? In which region does the town of {S} lie?
?- On the map, in which region is {S} found?
?- {S} is a town in which region?
! Is {S} in {V}?
! Does {S} lie in {V}?

[river]
= {S} stands on the river {A}.
= {S} lies on the banks of {V}.
= The river that flows through {S} is {V}.
= {S} was built beside {V}.
+ Barges reach the town on {V}.
=- Through {S} flows {V}.
=- The houses of {S} look out over {V}.
? On which river does {S} stand?
? Which river flows through {S}?
? What is the name of the river in {S}?
?- Over which river do the houses of {S} look out?
?- {S} stands on which river?
! Does {S} stand on {V}?
! Does {V} flow through {S}?

[founded]
= {S} was founded in {V}.
= {S} was founded in the year {V}.
= The town of {S} dates from {V}.
= The first houses of {S} were built in {V}.
+ Its town charter is dated {V}.
=- The founding year of {S} is {V}.
=- It was in {V} that {S} became a town.
? When was {S} founded?
? In which year was {S} founded?
? How far back does {S} date?
?- What is the founding year of {S}?
?- When were the first houses of {S} built?
! Was {S} founded in {V}?

[product]
= {S} is known for its {V}.
= The people of {S} make fine {V}.
= {S} is famous for {V}.
= Everyone buys {V} when they visit {S}.
+ Traders come from far away for its {V}.
+ Its {V} can be bought in every market.
=- If you think of {S}, you think of {V}.
=- {S} owes its good name to {V}.
? What is {S} known for?
? What is {S} famous for?
? What does everyone buy in {S}?
?- What do the people of {S} make?
?- To what does {S} owe its good name?
! Is {S} known for its {V}?

[landmark]
= The landmark of {S} is its {V}.
= {S} has a famous {V}.
= The best-known sight in {S} is the {V}.
= Visitors to {S} should see the {V}.
+ Its pride is {A}.
=- No one leaves {S} without seeing the {V}.
=- The {V} is the pride of {S}.
? What is the landmark of {S}?
? What is the best-known sight in {S}?
? What should visitors to {S} see?
?- What famous sight does {S} have?
?- What is the pride of {S}?
! Is the landmark of {S} {A}?

[mayor]
= The mayor of {S} is {V}.
= {S} has a mayor called {V}.
= The people of {S} chose {V} as mayor.
= {V} is the mayor of {S}.
+ Its mayor is {V}.
=- In {S}, the mayor's name is {V}.
=- The town hall of {S} is led by {V}.
? Who is the mayor of {S}?
? Who is {S}'s mayor?
? Whom did the people of {S} choose as mayor?
?- What is the name of the mayor of {S}?
?- Who leads the town hall of {S}?
! Is {V} the mayor of {S}?
"""

RIVER = """
[*]
= {S} is a river in {V.region} that flows into {V.mouth}.
= {S} is a river of {V.length} kilometres in {V.region}.
= {S} flows through {V.region} and is known for its {V.fish}.

[region]
= {S} is a river in {V}.
= {S} flows through {V}.
= The whole course of {S} lies in {V}.
= The hills where {S} rises are in {V}.
+ From its source on it flows through {V}.
=- It is {V} that {S} flows through.
? In which region is {S}?
? Through which region does {S} flow?
? Where does {S} rise?
?- {S} is a river in which region?
! Does {S} flow through {V}?

[mouth]
= {S} flows into {V}.
= {S} ends in {V}.
= The mouth of {S} is at {V}.
= The waters of {S} reach {V}.
+ In the end it joins {V}.
=- It is {V} that {S} flows into.
? Where does {S} end?
? What does {S} flow into?
? Where is the mouth of {S}?
?- {S} flows into what?
! Does {S} flow into {V}?

[length]
= {S} is {V} kilometres long.
= The length of {S} is {V} kilometres.
= From source to mouth, {S} measures {V} kilometres.
= {S} has a length of {V} kilometres.
+ It runs for {V} kilometres.
=- Boats on {S} can travel {V} kilometres.
? How long is {S}?
? What is the length of {S} in kilometres?
? How many kilometres long is {S}?
?- How many kilometres does {S} measure?
! Is {S} {V} kilometres long?

[fish]
= {S} is known for its {V}.
= The fish most often caught in {S} are {V}.
= People come to {S} to catch {V}.
= {S} is full of {V}.
+ Anglers come for its {V}.
=- Those who fish in {S} catch {V}.
? What fish is {S} known for?
? What fish do people catch in {S}?
? Which fish is {S} full of?
?- What do those who fish in {S} catch?
! Is {S} known for its {V}?
"""

REGION = """
[*]
= {S} is a region whose capital is {V.capital}.
= {S} is a region known for its {V.crop}, with {V.capital} as its capital.

[capital]
= The capital of {S} is {V}.
= {V} is the capital of {S}.
= {S} is governed from {V}.
= {S} has {V} as its capital.
+ Its capital is {V}.
=- The seat of the government of {S} is {V}.
? What is the capital of {S}?
? Which town is the capital of {S}?
? From which town is {S} governed?
?- What is the seat of the government of {S}?
! Is {V} the capital of {S}?

[crop]
= The main crop of {S} is {V}.
= The farmers of {S} grow {V}.
= {S} lives from its {V}.
= The fields of {S} are full of {V}.
+ Its main crop is {V}.
=- What {S} grows most of is {V}.
? What is the main crop of {S}?
? What do the farmers of {S} grow?
? What are the fields of {S} full of?
?- What does {S} grow most of?
! Is {V} the main crop of {S}?

[flag]
= The flag of {S} is {V}.
= {S} has a flag in {V}.
= The colours of {S} are {V}.
= {S}'s flag is {V}.
+ Its flag is {V}.
=- Over {S} flies a flag in {V}.
? What colours are on the flag of {S}?
? What are the colours of {S}?
? What does the flag of {S} look like?
?- In what colours is the flag that flies over {S}?
! Is the flag of {S} {V}?

[emblem]
= The emblem of {S} is {V}.
= The animal on the coat of arms of {S} is {V}.
= {S} has {V} as its emblem.
= The coins of {S} show {V}.
+ Its emblem is {V}.
=- {S} chose {V} for its coat of arms.
? What is the emblem of {S}?
? Which animal is the emblem of {S}?
? What do the coins of {S} show?
?- Which animal did {S} choose for its coat of arms?
! Is {V} the emblem of {S}?
"""

SPECIES = """
[*]
= {S} is {A.type} that lives in {V.region}.
= {S} is {A.type} with {V.marking}.
= {S} is {A.type} that feeds on {V.diet}.

[type]
= {S} is {A}.
= {S} is best described as {A}.
= By its nature {S} is {A}.
= People think of {S} as {A}.
+ It is known to be {A}.
=- What people call {S} is {A}.
? What kind of animal is {S}?
? What is {S}?
? How is {S} best described?
?- What sort of creature is {S}?
! Is {S} {A}?

[region]
= {S} lives in {V}.
= {S} is found in {V}.
= The home of {S} is {V}.
= If you want to see {S}, go to {V}.
+ It lives only in {V}.
=- There are many reports of {S} from {V}.
? Where does {S} live?
? In which region is {S} found?
? Where can you see {S}?
?- From which region are there reports of {S}?
! Does {S} live in {V}?

[habitat]
= {S} prefers {V}.
= The habitat of {S} is {V}.
= {S} makes its home in {V}.
= You should look for {S} in {V}.
+ It is most often seen in {V}.
=- It is in {V} that {S} feels at home.
? What is the habitat of {S}?
? What kind of place does {S} prefer?
? In what kind of place does {S} make its home?
?- What kind of place feels like home to {S}?
! Does {S} make its home in {V}?

[diet]
= {S} feeds on {V}.
= {S} eats {V}.
= The food of {S} is mostly {V}.
= {S} lives on {V}.
+ It eats hardly anything but {V}.
=- A meal of {V} is what {S} looks for.
? What does {S} eat?
? What does {S} feed on?
? What is the food of {S}?
?- What kind of meal does {S} look for?
! Does {S} eat {V}?

[marking]
= {S} has {V}.
= {S} is known by its marking, {V}.
= {S} is easy to recognise: it has {V}.
= The sign by which you know {S} is {V}.
+ It has {V}.
=- Look for {V}, and you have found {S}.
? How can you recognise {S}?
? What marking does {S} have?
? What is the sign by which you know {S}?
?- What should you look for to find {S}?
! Does {S} have {V}?
"""
