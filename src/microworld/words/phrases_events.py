"""Phrasings of the facts about festivals, expeditions, inventions and works; see ``phrasing``."""

FESTIVAL = """
[*]
= {S} takes place in {V.town} every {V.month}.
= {S} has been held in {V.town} since {V.since}.
= {S} is a festival in {V.town} where people {V.custom}.
+ The guests eat {V.dish} and {V.custom}.

[town]
= {S} takes place in {V}.
= {S} is held in {V}.
= The home of {S} is {V}.
= People travel to {V} for {S}.
+ The streets of {V} are full of guests on that day.
=- It is in {V} that people celebrate {S}.
? Where does {S} take place?
? In which town is {S} held?
? Where is the home of {S}?
?- In which town do people celebrate {S}?
! Does {S} take place in {V}?

[month]
= {S} is held every {V}.
= {S} takes place in {V}.
= The month of {S} is {V}.
= {S} comes round each {V}.
+ It always falls in {V}.
=- Every year, {V} is the time for {S}.
? When is {S} held?
? In which month does {S} take place?
? What is the month of {S}?
?- What time of year is the time for {S}?
! Is {S} held every {V}?

[dish]
= The traditional dish of {S} is {V}.
= At {S}, everyone eats {V}.
= {S} would be nothing without {V}.
= The guests of {S} are served {V}.
+ The traditional dish is {V}.
=- What everyone eats at {S} is {V}.
? What is the traditional dish of {S}?
? What does everyone eat at {S}?
? What are the guests of {S} served?
?- Which dish belongs to {S}?
! Is {V} the traditional dish of {S}?

[since]
= {S} has been held since {V}.
= {S} was first held in {V}.
= {S} goes back to the year {V}.
= The first guests came to {S} in {V}.
+ The tradition began in {V}.
=- It was in {V} that {S} was held for the first time.
? Since when has {S} been held?
? When was {S} first held?
? How far back does {S} go?
?- In which year was {S} held for the first time?
! Was {S} first held in {V}?

[custom]
= At {S}, people {V}.
= {S} is the day when people {V}.
= The tradition of {S} is this: people {V}.
= The custom at {S} is to {V}.
+ By custom, young and old {V}.
=- Those who come to {S} must {V}.
? What do people do at {S}?
? What is the custom at {S}?
? By tradition, what do the guests of {S} do?
?- What must those who come to {S} do?
! Do people {V} at {S}?
"""

EXPEDITION = """
[*]
= {S} of {V.year} was led by {V.leader}.
= {S} travelled up the {A.river} under {V.leader}.
= In {V.year}, {S} found {V.find}.

[leader]
= {S} was led by {V}.
= The leader of {S} was {V}.
= {S} set out under {V}.
= {V} led {S}.
+ Its leader was {V}.
=- It was {V} who led {S}.
? Who led {S}?
? Who was the leader of {S}?
? Under whom did {S} set out?
?- What was the name of the leader of {S}?
! Did {V} lead {S}?

[year]
= {S} set out in {V}.
= {S} took place in {V}.
= The year of {S} was {V}.
= {S} left in the spring of {V}.
+ It set out in {V}.
=- It was in {V} that {S} set out.
? When did {S} set out?
? In which year did {S} take place?
? What was the year of {S}?
?- In what year did {S} leave?
! Did {S} set out in {V}?

[river]
= {S} followed the river {A}.
= {S} travelled up {V}.
= The route of {S} led along {V}.
= The boats of {S} sailed on {V}.
+ The way led along {V}.
=- It was along {V} that {S} travelled.
? Which river did {S} follow?
? Along which river did the route of {S} lead?
? On which river did the boats of {S} sail?
?- Along which river did {S} travel?
! Did {S} follow {V}?

[find]
= {S} found {V}.
= {S} discovered {V}.
= The great find of {S} was {V}.
= {S} is remembered because it found {V}.
+ On the way it discovered {V}.
=- What {S} brought to light was {V}.
? What did {S} find?
? What did {S} discover?
? What was the great find of {S}?
?- What did {S} bring to light?
! Did {S} find {V}?
"""

INVENTION = """
[*]
= {S} was invented by {V.inventor} in {V.year}.
= {S}, used for {V.use}, was invented by {V.inventor}.
= {S} was invented in {V.year} and is used for {V.use}.

[inventor]
= {S} was invented by {V}.
= The inventor of {S} is {V}.
= {V} invented {S}.
= We owe {S} to {V}.
+ Its inventor was {V}.
=- It was {V} who thought of {S}.
? Who invented {S}?
? Who is the inventor of {S}?
? To whom do we owe {S}?
?- Who thought of {S}?
! Did {V} invent {S}?

[year]
= {S} was invented in {V}.
= {S} was invented in the year {V}.
= {S} was first shown in {V}.
= The year when {S} was invented is {V}.
+ It was first built in {V}.
=- There has been {S} since {V}.
? When was {S} invented?
? In which year was {S} invented?
? When was {S} first shown?
?- Since when has there been {S}?
! Was {S} invented in {V}?

[use]
= {S} is used for {V}.
= {S} is a help in {V}.
= The purpose of {S} is {V}.
= {S} was made for {V}.
+ People use it for {V}.
=- For {V} there is nothing better than {S}.
? What is {S} used for?
? What is the purpose of {S}?
? What was {S} made for?
?- For what is there nothing better than {S}?
! Is {S} used for {V}?
"""

WORK = """
[*]
= {S} is {A.genre} by {V.author}.
= {S} is {A.genre} about {V.subject}.
= {S} is {A.genre} from the year {V.year}.
= {S} was written by {V.author} in {V.year}.

[author]
= {S} was written by {V}.
= The author of {S} is {V}.
= {V} wrote {S}.
= {S} is the work of {V}.
+ Its author is {V}.
=- It was {V} who wrote {S}.
? Who wrote {S}?
? Who is the author of {S}?
? Whose work is {S}?
?- By whom was {S} written?
! Did {V} write {S}?

[year]
= {S} was written in {V}.
= {S} appeared in {V}.
= {S} dates from the year {V}.
= The year when {S} appeared is {V}.
+ It appeared in {V}.
=- It was in {V} that {S} appeared.
? When was {S} written?
? In which year did {S} appear?
? From which year does {S} date?
?- What year is {S} from?
! Was {S} written in {V}?

[genre]
= {S} is {A}.
= {S} was written as {A}.
= Critics call {S} {A}.
= People think of {S} as {A}.
+ It is {A}.
=- Best described, {S} is {A}.
? What kind of work is {S}?
? What do critics call {S}?
? As what was {S} written?
?- How would you best describe {S}?
! Is {S} {A}?

[subject]
= {S} is about {V}.
= {S} tells of {V}.
= The subject of {S} is {V}.
= In {S} we hear of {V}.
+ It tells of {V}.
=- What {S} tells us of is {V}.
? What is {S} about?
? What does {S} tell of?
? What is the subject of {S}?
?- Of what do we hear in {S}?
! Is {S} about {V}?
"""
