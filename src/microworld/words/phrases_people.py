"""Phrasings of the facts about people, in the notation of ``phrasing``."""

PERSON = """
[*]
= {S} is {A.profession} who lives in {V.home}.
= {S} is {A.profession} from {V.home}.
= {S}, born in {V.birth_year}, is {A.profession}.
= {S} was born in {V.birthplace} in the year {V.birth_year}.
= {S} ({V.birthplace}, {V.birth_year}) is {A.profession}.
= {S} is {A.profession} who was born in {V.birthplace}.
= {S} was born in {V.birthplace} and lives in {V.home}.
+ {He} loves {V.food} and spends {his} free time {V.hobby}.
+ {He} plays the {V.instrument} and keeps {A.pet}.
+ {He} keeps {A.pet} and collects {V.collection}.
+ {He} works as {A.profession} and plays the {V.instrument}.
+ When {he} is not {V.hobby}, {he} collects {V.collection}.

[birthplace]
= {S} was born in {V}.
= {S} comes from {V}.
= The birthplace of {S} is {V}.
= {S} spent the first years of {his} life in {V}, where {he} was born.
+ {His} parents were living in {V} when {he} was born.
=- It was in {V} that {S} was born.
=- {S} is a native of {V}.
? Where was {S} born?
? In which town was {S} born?
? What is the birthplace of {S}?
? Which town does {S} come from?
?- What is the name of the town where {S} was born?
?- {S} was born in which town?
! Was {S} born in {V}?
! Does {S} come from {V}?

[birth_year]
= {S} was born in the year {V}.
= {S} was born in {V}.
= The birth year of {S} is {V}.
= {S} came into the world in {V}.
+ {He} was born in the spring of {V}.
=- It was in the year {V} that {S} was born.
=- The year in which {S} was born is {V}.
? When was {S} born?
? In which year was {S} born?
? What is the birth year of {S}?
?- What is the year of birth of {S}?
?- {S} was born in which year?
! Was {S} born in the year {V}?

[home]
= {S} lives in {V}.
= {S} has a house in {V}.
= The home of {S} is in {V}.
= {S} has lived in {V} for many years.
+ Today {he} lives in {V}.
+ {He} has made {his} home in {V}.
=- You can find the home of {S} in {V}.
=- {V} is the town where {S} lives.
? Where does {S} live?
? In which town does {S} live?
? Where is the home of {S}?
? Which town does {S} live in?
?- What is the name of the town where {S} lives?
?- {S} lives in which town?
! Does {S} live in {V}?
! Is the home of {S} in {V}?

[profession]
= {S} is {A}.
= {S} works as {A}.
= {S} earns {his} living as {A}.
= The profession of {S} is that of {A}.
+ {He} has worked as {A} since {he} was young.
+ By trade {he} is {A}.
=- People know {S} as {A}.
=- The work of {S} is that of {A}.
? What is the profession of {S}?
? What does {S} do for a living?
? What does {S} work as?
? What is {S}'s job?
?- What kind of work does {S} do?
?- By trade, what is {S}?
! Is {S} {A}?
! Does {S} work as {A}?

[food]
= {S}'s favourite food is {V}.
= {S} likes to eat {V}.
= The favourite food of {S} is {V}.
= {S} could eat {V} every day.
= Nothing tastes better to {S} than {V}.
+ On {his} birthday {he} always asks for {V}.
+ At the market {he} looks for {V} first.
=- If {S} may choose, it is {V} for dinner.
=- {S} would rather have {V} than anything else.
? What is {S}'s favourite food?
? What is the favourite food of {S}?
? What does {S} like to eat?
?- Which food does {S} like best?
?- What could {S} eat every day?
! Is {V} the favourite food of {S}?
! Does {S} like to eat {V}?

[hobby]
= {S}'s hobby is {V}.
= {S} likes {V}.
= The hobby of {S} is {V}.
= {S} spends every free hour {V}.
+ In {his} free time, {he} enjoys {V}.
+ On Sundays you will find {him} {V}.
=- What {S} enjoys most is {V}.
=- {S} is never happier than when {V}.
? What is {S}'s hobby?
? What is the hobby of {S}?
? What does {S} like doing?
?- How does {S} spend {his} free time?
?- What does {S} enjoy most?
! Is {V} the hobby of {S}?
! Does {S} like {V}?

[instrument]
= {S} plays the {V}.
= {S}'s instrument is the {V}.
= The instrument of {S} is the {V}.
= {S} learnt to play the {V} as a child.
+ In the evening {he} likes to play the {V}.
=- The {V} is what {S} plays.
=- Of all instruments, {S} chose the {V}.
? Which instrument does {S} play?
? What is {S}'s instrument?
? What is the instrument of {S}?
?- What instrument did {S} learn as a child?
?- {S} plays which instrument?
! Does {S} play the {V}?

[pet]
= {S} has {A} as a pet.
= {S}'s pet is {A}.
= {S} keeps {A}.
= The pet of {S} is {A}.
+ {He} shares {his} house with {A}.
+ {He} is seldom seen without {his} {V}.
=- {S} is the proud owner of {A}.
=- {S} takes good care of {A}.
? What pet does {S} have?
? What is {S}'s pet?
? What is the pet of {S}?
? Which animal does {S} keep?
?- Which animal lives with {S}?
?- {S} has which animal as a pet?
! Does {S} have {A} as a pet?
! Is {S}'s pet {A}?

[collection]
= {S} collects {V}.
= {S} has a collection of {V}.
= The shelves of {S} are full of {V}.
= {S}'s collection of {V} fills a whole room.
+ For years {he} has been collecting {V}.
=- When it comes to {V}, {S} buys them all.
=- {S} has more {V} than anyone else in the street.
? What does {S} collect?
? What is in the collection of {S}?
? What are the shelves of {S} full of?
?- {S} has a collection of what?
?- What things does {S} collect?
! Does {S} collect {V}?

[friend]
= {S}'s best friend is {V}.
= The best friend of {S} is {V}.
= {S} tells everything to {V}, {his} best friend.
= {S} has a best friend called {V}.
+ {He} is the best friend of {V}.
=- Since their school days {S} has been best friends with {V}.
=- No friend is closer to {S} than {V}.
? Who is {S}'s best friend?
? Who is the best friend of {S}?
? What is the name of {S}'s best friend?
?- Which friend is closest to {S}?
?- Who is best friends with {S}?
! Is {V} the best friend of {S}?
! Is {S}'s best friend {V}?
"""
