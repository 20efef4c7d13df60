"""WSGI middlewares, one to a file. None knows another, and each works around any application.

The chain that ``gateway.app`` makes of them, from outside in, with a reason for every
position. What the settings do not switch on is not in it.

1. ``Accounting``  counts every request and every end, also of what is refused below.
2. ``AccessLog``  has a line for each of them, with what was found out below.
3. ``Tracing``  has a span for each of them.
4. ``Admission``  refuses what there is no room for, before anything else is done with it.
5. ``Boundary``  turns every refusal and error below into an answer.
6. ``Addresses``  costs nothing more whose address is not let in.
7. ``SecurityHeaders``  are on all answers from below, refusals included.
8. ``Cors``  answers preflights, which have no credentials, and lets a page read why it was refused.
9. ``Compression``  encodes whatever answer comes, and needs to know nobody.
10. ``Authentication``  lets in who proves an identity, before anybody reads a body.
11. ``RateLimit``  keeps clients, by identity, to their rates, before what costs more than counting.
12. ``Validation``  reads the body; what does not fit reaches neither live nor a shadow.
13. ``Recording``  records exchanges with live, and nothing of what was refused.
14. ``Mirror``  offers the copies, when live has answered.
15. ``LiveProxy``  forwards to the live upstream.
"""
