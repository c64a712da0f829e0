-- On node a: reach the peer of the hand-written ways through another :port.
ALTER SERVER peer OPTIONS (SET port :'port');
