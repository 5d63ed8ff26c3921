"""Which characters are letters, numbers, white space, punctuation: Unicode 15.0, for all Pythons.

Texts are split by these classes before they become tokens, and they go into the container, so they
must not depend on the Python that runs. `docs/generate/letters.py` prints the table.
"""

from __future__ import annotations

import base64
import zlib
from bisect import bisect_right
from functools import cache

LETTER, NUMBER, BLANK, PUNCTUATION = 1, 2, 4, 8
_CODES = {"l": LETTER, "n": NUMBER, "s": BLANK, "p": PUNCTUATION, ".": 0}


@cache
def ranges() -> tuple[tuple[int, int], ...]:
    """Code points at which a range of one class begins, and that class, ascending."""
    found, start, digits = [], 0, ""
    for char in zlib.decompress(base64.b85decode(_TABLE)).decode():
        if char in "lnsp.":
            found.append((start, _CODES[char]))
            start, digits = start + int(digits, 16), ""
        else:
            digits += char
    return tuple(found)


@cache
def _starts() -> tuple[int, ...]:
    return tuple(start for start, _class in ranges())


def class_of(point: int) -> int:
    """The class of a code point; 0 for none of them."""
    return ranges()[bisect_right(_starts(), point) - 1][1]


_TABLE = (
    "c-oCu+perC5d0$|%|-njRD2?YWdDD1stTPo``jOxQAE1wuC6Y3mwtJ3{#O{@WsEpVw-KBTUm7PpM``*SD^~i#pOJ8j7x"
    "5rF>v-6VOFCyl$MUt|_U6x7T6AZtF13|!U~C>Y-dQsjxp&LjD(E2wCSBs)cC^iv%(c1EULLl?R0z{E`k=8pf51$n8<Fl"
    "~Tv`)`9nB|KdK`w0a*)Lv)>n+ugEp@7IL_DRFPHXqa1w8sZ@c4*2uH)QGt6+xH~4@pZu+tF2`&!)Z?w`pTtEzq3t1}}X"
    "DlzUW{5IYFW710Egj$)6*DZ3^MwUJ*EEfl@C55}pHW{O{rK%o`x!UGI?Z9d!aAzkwUht-jr8LjLqa=#Y`8oA>f6`)`sE"
    "ib<$fr9JS%PR2==7Ybj|qy9C+nAxvRtI_PV5_FLQ5%OewL)pOw(-Gc@q+`<3$J(fu5LdSs0MdtgH54QSHL+UdFnQsFUD"
    "M)#DrT|OI+dlND+c)GA?=M%Gtj7r4P=XgZ2-t~_|CUn?*fNSOez+7|y!DS#=v1gRq41pnCn~<DZ3@!~qm?nT+qOJ5ivf"
    "v%G38BjaT<}R&v6p3;OEYi>K^`w<!X9AFYun!o|2I!rvEf}21Gd|-PY+BE;+I&3s>EUW6s|m81uL*9T|7V<p>Hg719m-"
    "AZY)kiEnP~-?Sg{AauUN}3H|3dM$$jZZ$&8JqdkX;xfSvWgTm^mitpj<WF89$<mh+?P@t$sz`Mt1*Ode_5+2+{#U_K8J"
    "h3ve;4krj37bd>k^$?mLdasCq(X-fR2I|5><u6|&N>&i>EnrlMw0y-BYQ7iaD2wijnY@e3zMpRQ(<2(PBC}<BBu=F-!C"
    "5#vJ2xJxLL%wWCc++$xPgLwM-mDVWB)W(q!4sp!<gyI1zT53jr*Xx?d{-0UpF=0iK*aR?tAVytz7j?ScHt3K@RK;qwSL"
    "BexK?i@8c$lL8VqV!?dFGi<XJjGGzT6^4Hv24g52fCdGEbC<Vc0UW)|IkzLxXiMB2M?fzjRx^V*68jfV$*ORvGS0m?1K"
    "ljdHQXkm+y*wdyY39U-aWIq&#b1rT`Wzj>@dqk=q>~Y3lz8_Q53?0sU=uZ^O+GM_2iY4OZ$y8HkH&vmZGx@c`U3BbYT~"
    "aL@2CpWYxiNnQGmipdnL>C29Dp3EEY-APC4FNn})dn*8TiS=weJVNTYEOM*T4FqM?O_}Iw8gAEP!1fF@poWJs=fL4Tg4"
    "PwSPndm5y#I(X#K-&C*=ww!G22Efw9ws4S^5ylC=vNa1xfnaup>Q*J#ztxzJ4ht%V22o};?t<^%W~#Mn=Jn?NrQ6?uub"
    "?n9&6mxskDqFHhp4haS9M7qY_BcS4Vf)J9~Y<;l#y&&Q5bM4Zu#{rDs5jz9(`*k;Wi{MhO4_v|DjI1ElbAdj4#PD)2zQ"
    "Ipn}kAO8Iw$n=4g<hlRWgc%7CwzQZgXLIKK5SBe%cL4VUC|c|ddwXY9%rk=+I(8(zc!rN62gMKwBO~?~V99Eyc8G6ZzT"
    "m-*roB@yUd_578dz8&!V`E&;NN{JBM`ATvU_$L{IR)3bltTlBp$f|bOVY5KP&YQv4tW4ko?`J$WrS>6soMlosEGwQ09q"
    "1@l*w%CtN{;cD7Vv5Da|7JX=7YVpMwTVp|b#Duo?2)XscJ4-CbP^`{8oR`LLJiK>nAqeuil%`H+Fsls;FkVp$$xqfl*J"
    "<EVXTK%c?f0tgg&jQ-3dWZ;I7@v3!6lYW{l!x>K0=k#EIa3ZMw5SDB(#}2!>If|7>(TV+B$<*LZSL$m$=Z&c=mBGo99f"
    "W1Pp2I9Pm8lDgzkqyP)CE}C+2yabqX-L<SAPU@x7`|ZIlQMd*vDlZK(IC;Ey{?m06<4e1ZbHW}~ZZU4FE0rnggY<)<-w"
    "mSBC9u;-B|o1{n{;(@}rae5GCmIU@HM)Z#zq5|6xVhJ7pjIBgukRLj5ZN@LRn^B4EQM?HBSYJJpgya2)GkU5Hf%jJFJA"
    "U^ZlB$xn;zRJxA+GZ)kcJi>^*zy|!By0qeS){%q=tB*atd3F)m2z}W8p2#JY0{KCO}aX+u3%oapu0{Dn)pHyJQN~h?G*"
    "9;&<;GJSCmRwY}wG?>F0|$H!uP)#LU`n)AVSdU}f{6PNgX7Q_2>_}^CqPXOC&3fvm`Ncmkr!nN(jk}cE;Q?LX1^E1w-I"
    "z)`GOqbO9YMw5CI2}h}*Awl<_yBUIFR(-oq=(-Lu_OH;d}@Sq#(?$lv~>G)v-pu%`H^5hk}Lda{h!DC>`i6-+E1<M{eD"
    "UF#v-I*FO`BeE~wgEC1?B+D2cBs3fU;W{e`}C@+%3UNfq;9qHD=ZyRH*l`v=OSN!S"
)
